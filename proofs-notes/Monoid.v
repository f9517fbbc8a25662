(** Prefix scans over an arbitrary monoid, each schedule written as a function.

    Main results: [tree_eval], [tree_scan], [chunked_scan_correct], [chunked_local_scan_correct],
    [lookback_scan_correct], [blelloch_correct], [kogge_stone_correct]: every schedule returns [iscan].
    The operation [op x y] means "first x, then y" and need not commute.
    Depends on: the standard library. *)
From Coq Require Import List Arith Lia.
Import ListNotations.

Section Scan.
Context {M : Type} (op : M -> M -> M) (e : M).
Hypothesis op_assoc : forall x y z, op x (op y z) = op (op x y) z.
Hypothesis op_e_l : forall x, op e x = x.
Hypothesis op_e_r : forall x, op x e = x.

Definition product (l : list M) : M := fold_right op e l.
(** All prefix products, the carry [c] in front. *)
Fixpoint iscan (c : M) (l : list M) : list M :=
  match l with [] => [] | x :: xs => let y := op c x in y :: iscan y xs end.
Fixpoint exscan (c : M) (l : list M) : list M :=
  match l with [] => [] | x :: xs => c :: exscan (op c x) xs end.

Lemma product_app xs ys : product (xs ++ ys) = op (product xs) (product ys).
Proof. induction xs as [|x xs IH]; simpl; [auto|rewrite IH; auto]. Qed.

Lemma iscan_app c xs ys : iscan c (xs ++ ys) = iscan c xs ++ iscan (op c (product xs)) ys.
Proof.
  revert c; induction xs as [|x xs IH]; intros c; simpl; [rewrite op_e_r; auto|].
  rewrite IH, op_assoc; reflexivity.
Qed.

Lemma iscan_carry c d l : iscan (op c d) l = map (op c) (iscan d l).
Proof.
  revert d; induction l as [|x l IH]; intros d; simpl; [reflexivity|].
  rewrite <- op_assoc, IH; reflexivity.
Qed.

Lemma iscan_exscan c l : iscan c l = map (fun p => op (fst p) (snd p)) (combine (exscan c l) l).
Proof. revert c; induction l as [|x l IH]; intros; simpl; [|rewrite IH]; reflexivity. Qed.

(** ** Bracketings *)
Inductive tree := Leaf (x : M) | Node (earlier later : tree).
Fixpoint leaves t := match t with Leaf x => [x] | Node l r => leaves l ++ leaves r end.
Fixpoint eval t := match t with Leaf x => x | Node l r => op (eval l) (eval r) end.
(** Down-sweep of a tree: every leaf receives the product of what comes before it. *)
Fixpoint down c t :=
  match t with Leaf x => [op c x] | Node l r => down c l ++ down (op c (eval l)) r end.

Theorem tree_eval t : eval t = product (leaves t).
Proof.
  induction t as [x|l IHl r IHr]; simpl; [auto|].
  rewrite IHl, IHr, product_app; reflexivity.
Qed.

Theorem tree_scan c t : down c t = iscan c (leaves t).
Proof.
  revert c; induction t as [x|l IHl r IHr]; intros c; simpl; [reflexivity|].
  rewrite IHl, IHr, iscan_app, tree_eval; reflexivity.
Qed.

(** ** Chunks with a carry *)
(** Every chunk is scanned from the carry. *)
Fixpoint chunked_scan (c : M) (chunks : list (list M)) : list M :=
  match chunks with [] => [] | k :: ks => iscan c k ++ chunked_scan (op c (product k)) ks end.
(** Every chunk is scanned on its own; the exclusive scan of the summaries is applied afterwards. *)
Definition chunked_local_scan (chunks : list (list M)) : list M :=
  concat (map (fun p => map (op (fst p)) (iscan e (snd p)))
              (combine (exscan e (map product chunks)) chunks)).

Theorem chunked_scan_correct c chunks : chunked_scan c chunks = iscan c (concat chunks).
Proof.
  revert c; induction chunks as [|k ks IH]; intros c; simpl; [reflexivity|].
  rewrite IH, iscan_app; reflexivity.
Qed.

Lemma chunked_local_carry chunks : forall c,
  concat (map (fun p => map (op (fst p)) (iscan e (snd p)))
              (combine (exscan c (map product chunks)) chunks)) = chunked_scan c chunks.
Proof.
  induction chunks as [|k ks IH]; intros c; simpl; [reflexivity|].
  rewrite IH, <- iscan_carry, op_e_r; reflexivity.
Qed.

Theorem chunked_local_scan_correct chunks : chunked_local_scan chunks = iscan e (concat chunks).
Proof. rewrite <- chunked_scan_correct; apply chunked_local_carry. Qed.

(** ** Decoupled look-back *)
(** [hist]: (aggregate, inclusive prefix) of the tiles before, latest first. A tile adds up [k]
    aggregates, then takes the inclusive prefix that it finds. *)
Fixpoint look (k : nat) (hist : list (M * M)) : M :=
  match hist, k with
  | [], _ => e
  | (_, incl) :: _, 0 => incl
  | (agg, _) :: rest, S k' => op (look k' rest) agg
  end.
Fixpoint lookback_scan (hist : list (M * M)) (tiles : list (nat * list M)) : list M :=
  match tiles with
  | [] => []
  | (k, tile) :: rest =>
      let carry := look k hist in
      iscan carry tile ++ lookback_scan ((product tile, op carry (product tile)) :: hist) rest
  end.

Fixpoint consistent (hist : list (M * M)) : Prop :=
  match hist with [] => True | (agg, incl) :: rest => incl = op (look 0 rest) agg /\ consistent rest end.

Lemma look_any k hist : consistent hist -> look k hist = look 0 hist.
Proof.
  revert k; induction hist as [|[agg incl] rest IH]; intros [|k]; simpl; auto.
  intros [-> C]; rewrite (IH k C); reflexivity.
Qed.

Lemma lookback_consistent hist tiles : consistent hist ->
  lookback_scan hist tiles = iscan (look 0 hist) (concat (map snd tiles)).
Proof.
  revert hist; induction tiles as [|[k tile] rest IH]; intros hist C; simpl; [reflexivity|].
  rewrite look_any by assumption.
  rewrite IH by (simpl; auto); simpl.
  rewrite iscan_app; reflexivity.
Qed.

Theorem lookback_scan_correct tiles : lookback_scan [] tiles = iscan e (concat (map snd tiles)).
Proof. exact (lookback_consistent [] tiles I). Qed.

(** ** Blelloch: pair up, scan half as many, unpair; any length *)
Fixpoint pairup (l : list M) : list M :=
  match l with x :: y :: rest => op x y :: pairup rest | _ => l end.
Fixpoint unpair (l : list M) (s : list M) : list M :=
  match l, s with
  | x :: _ :: rest, c :: s' => c :: op c x :: unpair rest s'
  | [_], c :: _ => [c]
  | _, _ => []
  end.
(** [levels] must reach the top: with too few, the function returns nothing. *)
Fixpoint blelloch (levels : nat) (c : M) (l : list M) : list M :=
  match l, levels with
  | [], _ => []
  | [_], _ => [c]
  | _, 0 => []
  | _, S k => unpair l (blelloch k c (pairup l))
  end.

Lemma unpair_exscan : forall l c, unpair l (exscan c (pairup l)) = exscan c l.
Proof.
  fix IH 1; intros [|x [|y rest]] c; simpl; [reflexivity|reflexivity|].
  rewrite IH, op_assoc; reflexivity.
Qed.

Lemma pairup_length : forall l k, length l <= 2 * k -> length (pairup l) <= k.
Proof.
  fix IH 1; intros [|x [|y rest]] k; simpl; intros Hk; [lia|lia|].
  destruct k as [|k]; [lia|].
  apply le_n_S, IH; lia.
Qed.

Theorem blelloch_correct levels c l : length l <= 2 ^ levels -> blelloch levels c l = exscan c l.
Proof.
  revert c l; induction levels as [|k IH]; intros c [|x [|y rest]] Hk; try reflexivity.
  - simpl in Hk; lia.
  - change (unpair (x :: y :: rest) (blelloch k c (pairup (x :: y :: rest)))
            = exscan c (x :: y :: rest)).
    rewrite IH by (apply pairup_length; simpl in *; lia).
    apply unpair_exscan.
Qed.

(** ** Kogge–Stone: at distance d = 1, 2, 4, ... every place takes in the place d before it *)
Definition zip (l1 l2 : list M) : list M := map (fun p => op (fst p) (snd p)) (combine l1 l2).
Definition ks_step (d : nat) (l : list M) : list M := zip (repeat e d ++ l) l.
Fixpoint kogge_stone (levels d : nat) (l : list M) : list M :=
  match levels with 0 => l | S k => kogge_stone k (2 * d) (ks_step d l) end.

Section KoggeStone.
Variable f : nat -> M.
(** The product of the last [n] places up to and including [i]. *)
Fixpoint win (n i : nat) : M :=
  match n with
  | 0 => e
  | S n' => match i with 0 => f 0 | S i' => op (win n' i') (f i) end
  end.

Lemma win_add d n i : win (d + n) i = op (if i <? n then e else win d (i - n)) (win n i).
Proof.
  revert i; induction n as [|n IH]; intros i.
  - rewrite Nat.add_0_r, Nat.sub_0_r; simpl; auto.
  - rewrite Nat.add_succ_r; destruct i as [|i]; simpl; [auto|].
    rewrite IH, op_assoc; reflexivity.
Qed.
End KoggeStone.

Lemma zip_length l1 l2 : length (zip l1 l2) = min (length l1) (length l2).
Proof. unfold zip; rewrite map_length, combine_length; reflexivity. Qed.

Lemma ks_step_length d l : length (ks_step d l) = length l.
Proof. unfold ks_step; rewrite zip_length, app_length; lia. Qed.

Lemma zip_nth l1 l2 i : i < length l1 -> i < length l2 ->
  nth i (zip l1 l2) e = op (nth i l1 e) (nth i l2 e).
Proof.
  revert l2 i; induction l1 as [|x l1 IH]; intros [|y l2] [|i] H1 H2; simpl in *; try lia; auto.
  apply IH; lia.
Qed.

Lemma ks_step_nth d l i : i < length l ->
  nth i (ks_step d l) e = op (if i <? d then e else nth (i - d) l e) (nth i l e).
Proof.
  intros Hi; unfold ks_step.
  rewrite zip_nth by (rewrite ?app_length; lia).
  f_equal; destruct (Nat.ltb_spec i d).
  - rewrite app_nth1 by (rewrite repeat_length; lia); apply nth_repeat.
  - rewrite app_nth2 by (rewrite repeat_length; lia); rewrite repeat_length; reflexivity.
Qed.

Lemma kogge_stone_nth f k d l :
  (forall i, i < length l -> nth i l e = win f d i) ->
  length (kogge_stone k d l) = length l /\
  forall i, i < length l -> nth i (kogge_stone k d l) e = win f (2 ^ k * d) i.
Proof.
  revert d l; induction k as [|k IH]; intros d l Hl.
  - split; [reflexivity|]; intros; simpl; rewrite Nat.add_0_r; auto.
  - destruct (IH (2 * d) (ks_step d l)) as [L N].
    + intros i Hi; rewrite ks_step_length in Hi.
      rewrite ks_step_nth by assumption.
      replace (2 * d) with (d + d) by lia; rewrite win_add, <- (Hl i Hi).
      f_equal; destruct (Nat.ltb_spec i d); [reflexivity|apply Hl; lia].
    + rewrite ks_step_length in *; split; [exact L|]; intros i Hi.
      change (kogge_stone (S k) d l) with (kogge_stone k (2 * d) (ks_step d l)).
      rewrite N by assumption; f_equal; rewrite Nat.pow_succ_r'; lia.
Qed.

Lemma iscan_length c l : length (iscan c l) = length l.
Proof. revert c; induction l; intros; simpl; auto. Qed.

Lemma iscan_nth l : forall c i, i < length l ->
  nth i (iscan c l) e = op c (win (fun j => nth j l e) (S i) i).
Proof.
  intros c i; revert c; induction i as [|i IH]; intros c Hi.
  - destruct l; simpl in *; [lia|reflexivity].
  - assert (nth (S i) (iscan c l) e = op (nth i (iscan c l) e) (nth (S i) l e)) as ->.
    { clear IH; revert c l Hi; induction i as [|i IH]; intros c [|x [|y l]] Hi;
        simpl in Hi; try lia; [reflexivity|].
      apply (IH (op c x) (y :: l)); simpl; lia. }
    rewrite IH by lia; rewrite <- op_assoc; reflexivity.
Qed.

Lemma win_saturates f n i : win f (S i + n) i = win f (S i) i.
Proof.
  revert n; induction i as [|i IH]; intros n; [destruct n; reflexivity|].
  change (S (S i) + n) with (S (S i + n)); simpl in *.
  rewrite (IH n); reflexivity.
Qed.

Theorem kogge_stone_correct levels l : length l <= 2 ^ levels ->
  kogge_stone levels 1 l = iscan e l.
Proof.
  intros Hl.
  destruct (kogge_stone_nth (fun j => nth j l e) levels 1 l) as [L N].
  { intros i Hi; destruct i; simpl; auto. }
  apply nth_ext with (d := e) (d' := e); [rewrite iscan_length; exact L|].
  intros i Hi; rewrite L in Hi.
  rewrite N by assumption; rewrite iscan_nth by assumption; rewrite op_e_l.
  rewrite Nat.mul_1_r; replace (2 ^ levels) with (S i + (2 ^ levels - S i)) by lia.
  apply win_saturates.
Qed.
End Scan.
