(** Leaves, the functionals of a scan as recurrences over lists, and how they split.

    Main results: the merge laws [PA_app], [hx_app], [Mb_app], [Mh_app], [Wm_app], [mins_app]; the size
    lemmas [PA_le], [hx_le], [Mb_le_Mh], [Mb_le_Wm], [Wm_le]; [mins_window] (the windows of Theorem 2).
    Lists hold the latest leaf first, so that each definition is the recurrence that the oracle evaluates.
    Depends on: the standard library. *)
From Coq Require Import Reals List Arith Lia Lra Psatz.
Import ListNotations.
Open Scope R_scope.

(** A leaf: exact coefficients, what is known of their sizes ([ma], [mb]: themselves, or more), these with allowances ([lA], [lB]),
    and whether the multiplier costs roundings ([lm]) and the summand can be non-zero ([lz]). *)
Record leaf := Leaf_data {
  la : R; lb : R; ma : R; mb : R; lA : R; lB : R; lm : bool; lz : bool;
  la_ma : Rabs la <= ma;
  lb_mb : Rabs lb <= mb;
  ma_le : ma <= lA;
  mb_le : mb <= lB;
  lz_zero : lz = false -> lB = 0 }.

Lemma ma_pos x : 0 <= ma x.
Proof. apply Rle_trans with (2 := la_ma x), Rabs_pos. Qed.
Lemma mb_pos x : 0 <= mb x.
Proof. apply Rle_trans with (2 := lb_mb x), Rabs_pos. Qed.
Lemma la_le x : Rabs (la x) <= lA x.
Proof. apply Rle_trans with (1 := la_ma x), ma_le. Qed.
Lemma lb_le x : Rabs (lb x) <= lB x.
Proof. apply Rle_trans with (1 := lb_mb x), mb_le. Qed.
Lemma lA_pos x : 0 <= lA x.
Proof. apply Rle_trans with (2 := ma_le x), ma_pos. Qed.
Lemma lB_pos x : 0 <= lB x.
Proof. apply Rle_trans with (2 := mb_le x), mb_pos. Qed.

(** Numbers of inexact multipliers and of non-zero summands. *)
Definition bit (b : bool) : nat := if b then 1 else 0.
Fixpoint nm (l : list leaf) : nat := match l with [] => 0 | x :: xs => bit (lm x) + nm xs end.
Fixpoint nz (l : list leaf) : nat := match l with [] => 0 | x :: xs => bit (lz x) + nz xs end.

Lemma nm_app ys xs : nm (ys ++ xs) = (nm ys + nm xs)%nat.
Proof. induction ys as [|y ys IH]; simpl; lia. Qed.
Lemma nz_app ys xs : nz (ys ++ xs) = (nz ys + nz xs)%nat.
Proof. induction ys as [|y ys IH]; simpl; lia. Qed.

(** Products of the multipliers: exact, in size, and with allowances. *)
Fixpoint PA (l : list leaf) : R := match l with [] => 1 | x :: xs => la x * PA xs end.
Fixpoint PR (l : list leaf) : R := match l with [] => 1 | x :: xs => ma x * PR xs end.
Fixpoint PH (l : list leaf) : R := match l with [] => 1 | x :: xs => lA x * PH xs end.
(** h_t, M_t and M_t with allowances. *)
Fixpoint hx (l : list leaf) : R := match l with [] => 0 | x :: xs => la x * hx xs + lb x end.
Fixpoint Mb (l : list leaf) : R := match l with [] => 0 | x :: xs => ma x * Mb xs + mb x end.
Fixpoint Mh (l : list leaf) : R := match l with [] => 0 | x :: xs => lA x * Mh xs + lB x end.
(** Σ_s min(θ, c w_s) *)
Fixpoint mins (theta c : R) (l : list leaf) : R :=
  match l with [] => 0 | x :: xs => Rmin theta (c * lB x) + mins theta (c * lA x) xs end.

Ltac by_list := let y := fresh in let ys := fresh in let IH := fresh in
  intros ys; induction ys as [|y ys IH]; intros; simpl; [ring | rewrite IH; ring].

Lemma PA_app : forall ys xs, PA (ys ++ xs) = PA ys * PA xs. Proof. by_list. Qed.
Lemma PR_app : forall ys xs, PR (ys ++ xs) = PR ys * PR xs. Proof. by_list. Qed.
Lemma PH_app : forall ys xs, PH (ys ++ xs) = PH ys * PH xs. Proof. by_list. Qed.
Lemma hx_app : forall ys xs, hx (ys ++ xs) = PA ys * hx xs + hx ys. Proof. by_list. Qed.
Lemma Mb_app : forall ys xs, Mb (ys ++ xs) = PR ys * Mb xs + Mb ys. Proof. by_list. Qed.
Lemma Mh_app : forall ys xs, Mh (ys ++ xs) = PH ys * Mh xs + Mh ys. Proof. by_list. Qed.

Lemma mins_app theta : forall ys c xs,
  mins theta c (ys ++ xs) = mins theta c ys + mins theta (c * PH ys) xs.
Proof.
  induction ys as [|y ys IH]; intros; simpl; [rewrite Rmult_1_r; ring|].
  rewrite IH, <- !Rmult_assoc; ring.
Qed.

Lemma PR_pos l : 0 <= PR l.
Proof. induction l as [|x l IH]; simpl; [lra|]; apply Rmult_le_pos; auto using ma_pos. Qed.
Lemma PH_pos l : 0 <= PH l.
Proof. induction l as [|x l IH]; simpl; [lra|]; apply Rmult_le_pos; auto using lA_pos. Qed.
Lemma Mh_pos l : 0 <= Mh l.
Proof.
  induction l as [|x l IH]; simpl; [lra|].
  pose proof (lB_pos x); pose proof (Rmult_le_pos _ _ (lA_pos x) IH); lra.
Qed.
Lemma Mb_pos l : 0 <= Mb l.
Proof.
  induction l as [|x l IH]; simpl; [lra|].
  pose proof (mb_pos x); pose proof (Rmult_le_pos _ _ (ma_pos x) IH); lra.
Qed.
Lemma PR_le_PH l : PR l <= PH l.
Proof.
  induction l as [|x l IH]; simpl; [lra|].
  apply Rmult_le_compat; auto using ma_pos, PR_pos, ma_le.
Qed.
Lemma PA_le l : Rabs (PA l) <= PR l.
Proof.
  induction l as [|x l IH]; simpl; [rewrite Rabs_R1; lra|].
  rewrite Rabs_mult; apply Rmult_le_compat; auto using Rabs_pos, la_ma.
Qed.
Lemma hx_le l : Rabs (hx l) <= Mb l.
Proof.
  induction l as [|x l IH]; simpl; [rewrite Rabs_R0; lra|].
  apply Rle_trans with (1 := Rabs_triang _ _), Rplus_le_compat; [|apply lb_mb].
  rewrite Rabs_mult; apply Rmult_le_compat; auto using Rabs_pos, la_ma.
Qed.
Lemma Mb_le_Mh l : Mb l <= Mh l.
Proof.
  induction l as [|x l IH]; simpl; [lra|].
  apply Rplus_le_compat; auto using mb_le.
  apply Rmult_le_compat; auto using ma_pos, Mb_pos, ma_le.
Qed.
Lemma nz_zero_Mh l : nz l = 0%nat -> Mh l = 0.
Proof.
  induction l as [|x l IH]; simpl; [reflexivity|]; intros E.
  rewrite IH by lia; rewrite (lz_zero x) by (destruct (lz x); simpl in E; [lia|reflexivity]); ring.
Qed.

(** ** The multiplication-only majorant of Theorem 2: M_t + Em_t *)
Section Multiplications.
Variable v : R.
Hypothesis v0 : 0 <= v.
Definition q := 1 + v.

Fixpoint Wm (l : list leaf) : R :=
  match l with [] => 0 | x :: xs => q ^ bit (lm x) * lA x * Wm xs + lB x end.

Lemma q_ge1 : 1 <= q. Proof. unfold q; lra. Qed.
Lemma qn_ge1 n : 1 <= q ^ n. Proof. apply pow_R1_Rle, q_ge1. Qed.
Lemma qn_pos n : 0 <= q ^ n. Proof. pose proof (qn_ge1 n); lra. Qed.
Lemma qn_le m n : (m <= n)%nat -> q ^ m <= q ^ n. Proof. apply Rle_pow, q_ge1. Qed.

Lemma Wm_app ys xs : Wm (ys ++ xs) = q ^ nm ys * PH ys * Wm xs + Wm ys.
Proof.
  induction ys as [|y ys IH]; simpl; [ring|].
  rewrite IH, pow_add; ring.
Qed.

Lemma Wm_pos l : 0 <= Wm l.
Proof.
  induction l as [|x l IH]; simpl; [lra|].
  pose proof (lB_pos x); pose proof (Rmult_le_pos _ _ (Rmult_le_pos _ _ (qn_pos (bit (lm x))) (lA_pos x)) IH); lra.
Qed.

Lemma Mh_le_Wm l : Mh l <= Wm l.
Proof.
  induction l as [|x l IH]; simpl; [lra|].
  apply Rplus_le_compat_r, Rmult_le_compat; auto using lA_pos, Mh_pos.
  rewrite <- (Rmult_1_l (lA x)) at 1.
  apply Rmult_le_compat_r; auto using lA_pos, qn_ge1.
Qed.

Lemma Mb_le_Wm l : Mb l <= Wm l.
Proof. apply Rle_trans with (1 := Mb_le_Mh l), Mh_le_Wm. Qed.

Lemma Wm_le l : Wm l <= q ^ nm l * Mh l.
Proof.
  induction l as [|x l IH]; simpl; [lra|].
  rewrite Rmult_plus_distr_l, pow_add.
  apply Rplus_le_compat.
  - apply Rle_trans with (q ^ bit (lm x) * lA x * (q ^ nm l * Mh l)).
    + apply Rmult_le_compat_l; auto using Rmult_le_pos, qn_pos, lA_pos.
    + right; ring.
  - rewrite <- (Rmult_1_l (lB x)) at 1; apply Rmult_le_compat_r; auto using lB_pos.
    rewrite <- pow_add; apply qn_ge1.
Qed.
End Multiplications.

(** ** Sums of minima *)
Lemma mins_pos theta c l : 0 <= theta -> 0 <= c -> 0 <= mins theta c l.
Proof.
  intros Ht; revert c; induction l as [|x l IH]; intros c Hc; simpl; [lra|].
  apply Rplus_le_le_0_compat; [|apply IH; auto using Rmult_le_pos, lA_pos].
  apply Rmin_glb; auto using Rmult_le_pos, lB_pos.
Qed.

Lemma mins_le theta c l : mins theta c l <= c * Mh l.
Proof.
  revert c; induction l as [|x l IH]; intros c; simpl; [lra|].
  pose proof (Rmin_r theta (c * lB x)); pose proof (IH (c * lA x)); lra.
Qed.

(** min(θ, Σ w) <= Σ min(θ, w) *)
Lemma mins_subadd theta c l : 0 <= theta -> 0 <= c -> Rmin theta (c * Mh l) <= mins theta c l.
Proof.
  intros Ht; revert c; induction l as [|x l IH]; intros c Hc; simpl.
  - rewrite Rmult_0_r; apply Rmin_r.
  - assert (0 <= c * lA x) as HcA by auto using Rmult_le_pos, lA_pos.
    assert (0 <= c * lB x) as HcB by auto using Rmult_le_pos, lB_pos.
    pose proof (Rmult_le_pos _ _ HcA (Mh_pos l)).
    apply Rle_trans with (Rmin theta (c * lB x) + Rmin theta (c * lA x * Mh l));
      [|specialize (IH _ HcA); lra].
    replace (c * (lA x * Mh l + lB x)) with (c * lA x * Mh l + c * lB x) by ring.
    unfold Rmin; repeat destruct Rle_dec; lra.
Qed.

(** A larger context costs at most the excess. *)
Lemma mins_context theta c c' l : 0 <= c <= c' ->
  mins theta c' l <= mins theta c l + (c' - c) * Mh l.
Proof.
  revert c c'; induction l as [|x l IH]; intros c c' Hc; simpl; [lra|].
  assert (0 <= c * lA x <= c' * lA x) as HA.
  { pose proof (lA_pos x); split; [apply Rmult_le_pos|apply Rmult_le_compat_r]; lra. }
  specialize (IH _ _ HA).
  assert (0 <= (c' - c) * lB x) by (apply Rmult_le_pos; [lra|apply lB_pos]).
  assert (Rmin theta (c' * lB x) <= Rmin theta (c * lB x) + (c' - c) * lB x)
    by (unfold Rmin; repeat destruct Rle_dec; lra).
  lra.
Qed.

(** A window: θ for each non-zero leaf after the cut, the weight itself before it. *)
Theorem mins_window theta c ys xs : 0 <= theta -> 0 <= c ->
  mins theta c (ys ++ xs) <= INR (nz ys) * theta + c * (PH ys * Mh xs).
Proof.
  intros Ht Hc; rewrite mins_app.
  pose proof (mins_le theta (c * PH ys) xs).
  enough (mins theta c ys <= INR (nz ys) * theta) by lra.
  clear H xs; revert c Hc; induction ys as [|y ys IH]; intros c Hc; simpl nz; simpl mins; [simpl; lra|].
  specialize (IH (c * lA y) (Rmult_le_pos _ _ Hc (lA_pos y))).
  rewrite plus_INR; pose proof (Rmin_l theta (c * lB y)).
  destruct (lz y) eqn:E; simpl bit; simpl INR; [lra|].
  rewrite (lz_zero y E), Rmult_0_r.
  pose proof (Rmin_r theta 0); lra.
Qed.
