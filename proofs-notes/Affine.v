(** Affine transitions h |-> a h + b over any semiring, in one channel and in many.

    Main results: [compose_apply], [compose_assoc], [summarize_apply_eq_run], [summarize_append],
    [run_append], [scan_append], and the same for diagonal transitions channel by channel
    ([diagonal_run_get], [diagonal_scan_get], ...).
    Multiplication need not commute. Depends on: Semiring. *)
From Coq Require Import List.
From Exactscan Require Import Semiring.
Import ListNotations.

Record transition (R : Type) := Transition { ta : R; tb : R }.
Arguments Transition {R}. Arguments ta {R}. Arguments tb {R}.

Section Scalar.
Context {R : Type} {O : Ops R}.

Definition apply (tr : transition R) (h : R) : R := ta tr * h + tb tr.
Definition identity : transition R := Transition 1 0.
(** First t1, then t2. *)
Definition compose (t2 t1 : transition R) : transition R :=
  Transition (ta t2 * ta t1) (ta t2 * tb t1 + tb t2).

Definition run_scalar_affine (h0 : R) (trs : list (transition R)) : R :=
  fold_left (fun h tr => apply tr h) trs h0.

Fixpoint summarize_scalar_affine (trs : list (transition R)) : transition R :=
  match trs with
  | [] => identity
  | tr :: rest => compose (summarize_scalar_affine rest) tr
  end.

Fixpoint scalar_affine_scan (h0 : R) (trs : list (transition R)) : list R :=
  match trs with
  | [] => []
  | tr :: rest => let h := apply tr h0 in h :: scalar_affine_scan h rest
  end.

Context {SR : Semiring R}.

Theorem compose_apply t2 t1 h : apply (compose t2 t1) h = apply t2 (apply t1 h).
Proof. unfold apply; simpl. rewrite mul_add_l, mul_assoc, add_assoc; reflexivity. Qed.

Theorem compose_id_left t : compose identity t = t.
Proof. destruct t; unfold compose; simpl. rewrite !mul_1_l, add_0_r; reflexivity. Qed.

Theorem compose_id_right t : compose t identity = t.
Proof. destruct t; unfold compose; simpl. rewrite mul_1_r, mul_0_r, add_0_l; reflexivity. Qed.

Theorem compose_assoc t3 t2 t1 : compose t3 (compose t2 t1) = compose (compose t3 t2) t1.
Proof.
  destruct t1, t2, t3; unfold compose; simpl.
  rewrite mul_add_l, !mul_assoc, add_assoc; reflexivity.
Qed.

Lemma apply_identity h : apply identity h = h.
Proof. unfold apply; simpl. rewrite mul_1_l, add_0_r; reflexivity. Qed.

Theorem homogeneous_zero_fixed a : apply (Transition a 0) 0 = 0.
Proof. unfold apply; simpl. rewrite mul_0_r, add_0_l; reflexivity. Qed.

Theorem run_append h0 xs ys :
  run_scalar_affine h0 (xs ++ ys) = run_scalar_affine (run_scalar_affine h0 xs) ys.
Proof. apply fold_left_app. Qed.

Theorem run_singleton h0 t : run_scalar_affine h0 [t] = apply t h0.
Proof. reflexivity. Qed.

Theorem summarize_apply_eq_run h0 trs :
  apply (summarize_scalar_affine trs) h0 = run_scalar_affine h0 trs.
Proof.
  revert h0; induction trs as [|tr trs IH]; intros h0; simpl.
  - apply apply_identity.
  - rewrite compose_apply; apply IH.
Qed.

Theorem summarize_append xs ys :
  summarize_scalar_affine (xs ++ ys)
  = compose (summarize_scalar_affine ys) (summarize_scalar_affine xs).
Proof.
  induction xs as [|x xs IH]; simpl; [symmetry; apply compose_id_right|].
  rewrite IH; symmetry; apply compose_assoc.
Qed.

Theorem summarize_append_apply h0 xs ys :
  apply (summarize_scalar_affine (xs ++ ys)) h0
  = apply (summarize_scalar_affine ys) (apply (summarize_scalar_affine xs) h0).
Proof. rewrite summarize_append; apply compose_apply. Qed.

Theorem scan_length h0 trs : length (scalar_affine_scan h0 trs) = length trs.
Proof. revert h0; induction trs as [|t trs IH]; intros; simpl; auto. Qed.

Theorem scan_append h0 xs ys :
  scalar_affine_scan h0 (xs ++ ys)
  = scalar_affine_scan h0 xs ++ scalar_affine_scan (run_scalar_affine h0 xs) ys.
Proof. revert h0; induction xs as [|x xs IH]; intros; simpl; [|rewrite IH]; reflexivity. Qed.

Theorem scan_last h0 xs t :
  last (scalar_affine_scan h0 (xs ++ [t])) h0 = run_scalar_affine h0 (xs ++ [t]).
Proof.
  rewrite scan_append, run_append; simpl.
  apply last_last.
Qed.
End Scalar.

(** Vectors are functions from an index type; equalities hold at every index. *)
Section Diagonal.
Context {R : Type} {O : Ops R} {I : Type}.

Record diagonal := Diagonal { da : I -> R; db : I -> R }.
Definition channel (i : I) (tr : diagonal) : transition R := Transition (da tr i) (db tr i).
Definition diagonal_apply (tr : diagonal) (h : I -> R) : I -> R := fun i => da tr i * h i + db tr i.
Definition diagonal_compose (t2 t1 : diagonal) : diagonal :=
  Diagonal (fun i => da t2 i * da t1 i) (fun i => da t2 i * db t1 i + db t2 i).

Definition run_diagonal_transitions (h0 : I -> R) (trs : list diagonal) : I -> R :=
  fold_left (fun h tr => diagonal_apply tr h) trs h0.

Fixpoint diagonal_selective_scan (h0 : I -> R) (trs : list diagonal) : list (I -> R) :=
  match trs with
  | [] => []
  | tr :: rest => let h := diagonal_apply tr h0 in h :: diagonal_selective_scan h rest
  end.

Theorem diagonal_apply_get tr h i : diagonal_apply tr h i = apply (channel i tr) (h i).
Proof. reflexivity. Qed.

Theorem diagonal_compose_apply_get `{SR : !Semiring R} t2 t1 h i :
  diagonal_apply (diagonal_compose t2 t1) h i = diagonal_apply t2 (diagonal_apply t1 h) i.
Proof. exact (compose_apply (channel i t2) (channel i t1) (h i)). Qed.

Theorem diagonal_run_get h0 trs i :
  run_diagonal_transitions h0 trs i = run_scalar_affine (h0 i) (map (channel i) trs).
Proof.
  unfold run_diagonal_transitions, run_scalar_affine.
  revert h0; induction trs as [|t trs IH]; intros; simpl; [reflexivity|].
  rewrite IH; reflexivity.
Qed.

Theorem diagonal_scan_get h0 trs i :
  map (fun h => h i) (diagonal_selective_scan h0 trs)
  = scalar_affine_scan (h0 i) (map (channel i) trs).
Proof. revert h0; induction trs as [|t trs IH]; intros; simpl; [|rewrite IH]; reflexivity. Qed.

Theorem diagonal_scan_length h0 trs : length (diagonal_selective_scan h0 trs) = length trs.
Proof. revert h0; induction trs as [|t trs IH]; intros; simpl; auto. Qed.

Theorem diagonal_run_append h0 xs ys :
  run_diagonal_transitions h0 (xs ++ ys)
  = run_diagonal_transitions (run_diagonal_transitions h0 xs) ys.
Proof. apply fold_left_app. Qed.

Theorem diagonal_scan_append h0 xs ys :
  diagonal_selective_scan h0 (xs ++ ys)
  = diagonal_selective_scan h0 xs
    ++ diagonal_selective_scan (run_diagonal_transitions h0 xs) ys.
Proof. revert h0; induction xs as [|x xs IH]; intros; simpl; [|rewrite IH]; reflexivity. Qed.
End Diagonal.
