(** State-space duality: the chunked form equals the recurrence.

    Main results: [chunk_scan_correct] (one chunk: decayed entering state plus quadratic form),
    [ssd_chunks_correct] (any division into chunks), [ssd_correct] (every chunk length, ragged tail
    included), [leaving_state_wrong] and [no_intra_wrong] (with the leaving state, or without the
    intra-chunk term, the four stages do not compose to the recurrence).
    Commutative semiring; decays are products. One head, one row of it; N states.
    Depends on: Semiring. *)
From Coq Require Import List Arith Lia ZArith.
From Exactscan Require Import Semiring.
Import ListNotations.

Section SSD.
Context {R : Type} {O : Ops R} {CS : CommSemiring R}.
Add Ring ring_R : comm_semi_ring_theory.
Variable N : nat.

(** One position: decay a, input x (times its step), rows B and C. *)
Record token := Token { ka : R; kx : R; kB : nat -> R; kC : nat -> R }.
Definition dot (c s : nat -> R) : R := sum N (fun n => c n * s n).

Definition ssd_step (s : nat -> R) (k : token) : nat -> R := fun n => ka k * s n + kB k n * kx k.
Fixpoint ssd_recurrence (s : nat -> R) (l : list token) : list R :=
  match l with
  | [] => []
  | k :: rest => let s1 := ssd_step s k in dot (kC k) s1 :: ssd_recurrence s1 rest
  end.

(** ** The four stages *)
(** Stage 1, in product form: the decay over a list of positions. *)
Definition decay_of (l : list token) : R := fold_right (fun k r => ka k * r) 1 l.
(** Stage 2: the state that a chunk leaves when it starts from zero. *)
Fixpoint chunk_state (l : list token) (n : nat) : R :=
  match l with [] => 0 | k :: rest => decay_of rest * (kB k n * kx k) + chunk_state rest n end.
(** Stage 3: the states entering and leaving each chunk. *)
Definition pass (s : nat -> R) (l : list token) : nat -> R := fun n => decay_of l * s n + chunk_state l n.
Fixpoint entering (s : nat -> R) (chunks : list (list token)) : list (nat -> R) :=
  match chunks with [] => [] | l :: rest => s :: entering (pass s l) rest end.
Fixpoint leaving (s : nat -> R) (chunks : list (list token)) : list (nat -> R) :=
  match chunks with [] => [] | l :: rest => pass s l :: leaving (pass s l) rest end.
(** Stage 4. [before]: the positions of the chunk so far, latest first; [w]: the decay since. *)
Fixpoint intra (c : nat -> R) (w : R) (before : list token) : R :=
  match before with
  | [] => 0
  | k :: older => w * dot c (kB k) * kx k + intra c (w * ka k) older
  end.
Fixpoint chunk_scan (s : nat -> R) (before l : list token) : list R :=
  match l with
  | [] => []
  | k :: rest =>
      let upto := k :: before in
      (decay_of upto * dot (kC k) s + intra (kC k) 1 upto) :: chunk_scan s upto rest
  end.
Definition ssd_with (states : list (nat -> R)) (chunks : list (list token)) : list R :=
  concat (map (fun p => chunk_scan (fst p) [] (snd p)) (combine states chunks)).
Definition ssd (s : nat -> R) (chunks : list (list token)) : list R :=
  ssd_with (entering s chunks) chunks.

(** Stage 4 as a library may leave it: the part of the state alone. *)
Fixpoint inter_scan (s : nat -> R) (before l : list token) : list R :=
  match l with
  | [] => []
  | k :: rest => decay_of (k :: before) * dot (kC k) s :: inter_scan s (k :: before) rest
  end.
Definition inter_with (states : list (nat -> R)) (chunks : list (list token)) : list R :=
  concat (map (fun p => inter_scan (fst p) [] (snd p)) (combine states chunks)).

(** ** Proofs *)
(** The state after the positions [before] (latest first). *)
Fixpoint state_after (s : nat -> R) (before : list token) : nat -> R :=
  match before with [] => s | k :: older => ssd_step (state_after s older) k end.

Lemma dot_step c s k : dot c (ssd_step s k) = ka k * dot c s + dot c (kB k) * kx k.
Proof.
  unfold dot, ssd_step.
  rewrite <- sum_mul_l, <- sum_mul_r, <- sum_add.
  apply sum_ext; intros; ring.
Qed.

Lemma dot_state_after c s before : forall w,
  w * dot c (state_after s before) = w * decay_of before * dot c s + intra c w before.
Proof.
  induction before as [|k older IH]; intros w; simpl; [ring|].
  rewrite dot_step.
  transitivity ((w * ka k) * dot c (state_after s older) + w * dot c (kB k) * kx k); [ring|].
  rewrite IH; unfold decay_of; simpl; ring.
Qed.

Lemma ssd_recurrence_ext l : forall s s', (forall n, s n = s' n) ->
  ssd_recurrence s l = ssd_recurrence s' l.
Proof.
  induction l as [|k rest IH]; intros s s' E; simpl; [reflexivity|].
  assert (forall n, ssd_step s k n = ssd_step s' k n) as E1.
  { intros n; unfold ssd_step; rewrite E; reflexivity. }
  rewrite (IH _ _ E1); f_equal.
  apply sum_ext; intros; rewrite E1; reflexivity.
Qed.

Theorem chunk_scan_correct l : forall s before,
  chunk_scan s before l = ssd_recurrence (state_after s before) l.
Proof.
  induction l as [|k rest IH]; intros s before; [reflexivity|].
  simpl; f_equal; [|apply (IH s (k :: before))].
  change (ssd_step (state_after s before) k) with (state_after s (k :: before)).
  transitivity (1 * dot (kC k) (state_after s (k :: before))); [|ring].
  rewrite dot_state_after; simpl; ring.
Qed.

Lemma ssd_recurrence_app xs ys : forall s,
  ssd_recurrence s (xs ++ ys) = ssd_recurrence s xs ++ ssd_recurrence (fold_left ssd_step xs s) ys.
Proof. induction xs as [|x xs IH]; intros s; simpl; [|rewrite IH]; reflexivity. Qed.

Lemma pass_correct l : forall s n, pass s l n = fold_left ssd_step l s n.
Proof.
  induction l as [|k rest IH]; intros s n; unfold pass; simpl; [ring|].
  rewrite <- IH; unfold pass, ssd_step; simpl; ring.
Qed.

Theorem ssd_chunks_correct chunks : forall s, ssd s chunks = ssd_recurrence s (concat chunks).
Proof.
  induction chunks as [|l rest IH]; intros s; [reflexivity|].
  change (chunk_scan s [] l ++ ssd (pass s l) rest = ssd_recurrence s (l ++ concat rest)).
  rewrite IH, chunk_scan_correct, ssd_recurrence_app; f_equal.
  apply ssd_recurrence_ext, pass_correct.
Qed.

(** Chunks of length Q; the last one may be shorter. *)
Fixpoint chunks_of (fuel Q : nat) (l : list token) : list (list token) :=
  match fuel, l with
  | S f, _ :: _ => firstn Q l :: chunks_of f Q (skipn Q l)
  | _, _ => []
  end.

Lemma chunks_of_concat fuel Q l : 0 < Q -> length l <= fuel -> concat (chunks_of fuel Q l) = l.
Proof.
  intros HQ; revert l; induction fuel as [|f IH]; intros [|k l] Hl; simpl in *; try lia; auto.
  rewrite IH; [destruct Q; [lia|]; apply (firstn_skipn (S Q) (k :: l))|].
  destruct Q as [|Q]; [lia|]; simpl; rewrite skipn_length; lia.
Qed.

Theorem ssd_correct Q s l : 0 < Q ->
  ssd s (chunks_of (length l) Q l) = ssd_recurrence s l.
Proof. intros HQ; rewrite ssd_chunks_correct, chunks_of_concat; auto. Qed.
End SSD.

(** ** The leaving state in place of the entering one, over the integers *)
Section Counterexample.
Let k : token := Token 1%Z 1%Z (fun _ => 1%Z) (fun _ => 1%Z).
Let zero_state : nat -> Z := fun _ => 0%Z.
Let chunks := [[k; k]; [k]].

(** One chunk of two ones: the outputs are 1, 2; with the leaving state they are 3, 4. *)
Theorem leaving_state_wrong :
  ssd_recurrence 1 zero_state (concat chunks) = [1; 2; 3]%Z /\
  ssd_with 1 (leaving zero_state chunks) chunks = [3; 4; 4]%Z.
Proof. split; reflexivity. Qed.

(** Without the intra-chunk term the stages are wrong with either state. *)
Theorem no_intra_wrong :
  inter_with 1 (entering zero_state chunks) chunks = [0; 0; 2]%Z /\
  inter_with 1 (leaving zero_state chunks) chunks = [2; 2; 3]%Z.
Proof. split; reflexivity. Qed.
End Counterexample.
