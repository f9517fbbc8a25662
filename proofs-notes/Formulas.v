(** Bounds for every unambiguous formula, without underflow: bracketings, the quadratic form, permuted sums.

    Main results: [formula_theorem1], [formula_theorem2_count], [formula_theorem2] for any formula;
    Formulas of one h_t: FormulasScan.v. [bev] is the error model; its sums are absorbed by both addends, where
    an addend that is a product may be fused into the sum.
    Depends on: RoundingModel (majorant pairs), RoundingAbsorption (the step of Lemma 2). *)
From Coq Require Import Reals List Arith Lia Lra Psatz.
From Exactscan Require Import RoundingModel RoundingAbsorption.
Import ListNotations.
Open Scope R_scope.

(** Products of multipliers a_i; sums of summands b_s times such products, formed in any order. *)
Inductive aform := AVar (i : nat) | AMul (x y : aform).
Inductive bform := BVar (s : nat) | BMul (x : aform) (y : bform) | BAdd (x y : bform).

Section Formulas.
Variable v : R.
Hypothesis v0 : 0 <= v.
Hypothesis v1 : v <= 1.
(** Exact values and sizes with allowances. *)
Variables a aH b bH : nat -> R.
Hypothesis a_le : forall i, Rabs (a i) <= aH i.
Hypothesis b_le : forall s, Rabs (b s) <= bH s.
Notation q := (1 + v).

Fixpoint factors x := match x with AVar _ => 1%nat | AMul x y => (factors x + factors y)%nat end.
Fixpoint aval (f : nat -> R) x := match x with AVar i => f i | AMul x y => aval f x * aval f y end.
(** Most multipliers on a term; sums. *)
Fixpoint muls y :=
  match y with BVar _ => 0 | BMul x y => factors x + muls y | BAdd x y => Nat.max (muls x) (muls y) end%nat.
Fixpoint adds y :=
  match y with BVar _ => 0 | BMul _ y => adds y | BAdd x y => adds x + adds y + 1 end%nat.
(** The value with given coefficients, and the multiplication-only majorant. *)
Fixpoint bval (f g : nat -> R) y :=
  match y with BVar s => g s | BMul x y => aval f x * bval f g y | BAdd x y => bval f g x + bval f g y end.
Definition exact := bval a b.
Definition M := bval (fun i => Rabs (a i)) (fun s => Rabs (b s)).
Definition Mh := bval aH bH.
Definition Wm := bval (fun i => q * aH i) bH.
Fixpoint V y :=
  match y with
  | BVar _ => 0
  | BMul x y => aval aH x * V y
  | BAdd x y => V x + V y + Rmin (v * (Mh x + Mh y)) (Rmin (Mh x) (Mh y))
  end.
Fixpoint mins th c y :=
  match y with
  | BVar s => Rmin th (c * bH s)
  | BMul x y => mins th (c * aval aH x) y
  | BAdd x y => mins th c x + mins th c y
  end.

Inductive aev : aform -> R -> Prop :=
| aev_var i x : Rabs (x - a i) <= aH i - Rabs (a i) -> aev (AVar i) x
| aev_mul f g x y d : aev f x -> aev g y -> Rabs d <= v -> aev (AMul f g) (x * y * (1 + d)).
(** The second number is the size that a sum sees. *)
Inductive bev : bform -> R -> R -> Prop :=
| bev_var s x : Rabs (x - b s) <= bH s - Rabs (b s) -> bev (BVar s) x (Rabs x)
| bev_mul f g x y c d : aev f x -> bev g y c -> Rabs d <= v -> bev (BMul f g) (x * y * (1 + d)) (q * Rabs (x * y))
| bev_add f g x cx y cy e : bev f x cx -> bev g y cy ->
    Rabs e <= v * (cx + cy) -> Rabs e <= cx -> Rabs e <= cy ->
    bev (BAdd f g) (x + y + e) (Rabs (x + y + e)).

Lemma aH_pos i : 0 <= aH i. Proof. apply Rle_trans with (2 := a_le i), Rabs_pos. Qed.
Lemma bH_pos s : 0 <= bH s. Proof. apply Rle_trans with (2 := b_le s), Rabs_pos. Qed.
Lemma q_pos n : 1 <= q ^ n. Proof. apply pow_R1_Rle; lra. Qed.
Lemma q_mono m n : (m <= n)%nat -> q ^ m <= q ^ n. Proof. apply Rle_pow; lra. Qed.
Lemma factors_pos x : (1 <= factors x)%nat. Proof. induction x; simpl; lia. Qed.

Lemma q_factors f : q ^ factors f = q * q ^ (factors f - 1).
Proof.
  pose proof (factors_pos f); replace (factors f) with (1 + (factors f - 1))%nat at 1 by lia.
  rewrite pow_add, pow_1; reflexivity.
Qed.

Lemma PH_pos x : 0 <= aval aH x.
Proof. induction x; simpl; auto using aH_pos, Rmult_le_pos. Qed.
Lemma Mh_pos y : 0 <= Mh y.
Proof.
  unfold Mh; induction y; simpl; auto using bH_pos, PH_pos, Rmult_le_pos, Rplus_le_le_0_compat.
Qed.
Lemma aval_scale x : aval (fun i => q * aH i) x = q ^ factors x * aval aH x.
Proof. induction x as [i|x IHx y IHy]; simpl; [ring|rewrite IHx, IHy, pow_add; ring]. Qed.
Lemma Wm_pos y : 0 <= Wm y.
Proof.
  unfold Wm; induction y; simpl; auto using bH_pos, Rplus_le_le_0_compat.
  rewrite aval_scale; apply Rmult_le_pos; [apply Rmult_le_pos; [pose proof (q_pos (factors x)); lra|apply PH_pos]|assumption].
Qed.
Lemma V_pos y : 0 <= V y.
Proof.
  induction y as [s|x y IH|x IHx y IHy]; simpl; [lra|apply Rmult_le_pos; [apply PH_pos|exact IH]|].
  pose proof (Mh_pos x); pose proof (Mh_pos y); assert (0 <= v * (Mh x + Mh y)) by (apply Rmult_le_pos; lra).
  assert (0 <= Rmin (v * (Mh x + Mh y)) (Rmin (Mh x) (Mh y))) by (repeat apply Rmin_glb; lra); lra.
Qed.
Lemma Wm_le y : Wm y <= q ^ muls y * Mh y.
Proof.
  unfold Wm, Mh; induction y as [s|x y IH|x IHx y IHy]; simpl; [lra| |].
  - rewrite aval_scale, pow_add; pose proof (q_pos (factors x)); pose proof (PH_pos x).
    pose proof (Rmult_le_compat_l (q ^ factors x * aval aH x) _ _ ltac:(apply Rmult_le_pos; lra) IH); lra.
  - pose proof (Rmult_le_compat_r _ _ _ (Mh_pos x) (q_mono _ _ (Nat.le_max_l (muls x) (muls y)))).
    pose proof (Rmult_le_compat_r _ _ _ (Mh_pos y) (q_mono _ _ (Nat.le_max_r (muls x) (muls y)))).
    unfold Mh in *; lra.
Qed.

Lemma aev_dom f x : aev f x ->
  dom x (aval a f) (q ^ (factors f - 1) * aval aH f) (aval (fun i => Rabs (a i)) f).
Proof.
  induction 1 as [i x H | f g x y d _ IHf _ IHg Hd]; simpl.
  - rewrite Rmult_1_l; split; [lra|exact H].
  - eapply dom_weaken; [apply dom_rnd with (v := v), Hd; apply dom_mul; eassumption|].
    pose proof (factors_pos f); pose proof (factors_pos g); right.
    replace (factors f + factors g - 1)%nat with (1 + (factors f - 1) + (factors g - 1))%nat by lia.
    rewrite !pow_add, pow_1; ring.
Qed.

(** Every rounding charged to the terms below it; what sums see obeys the same bound. *)
Lemma bev_dom f x c : bev f x c -> dom x (exact f) (q ^ adds f * Wm f) (M f) /\ c <= q ^ adds f * Wm f.
Proof.
  unfold exact, M, Wm; induction 1 as [s x H | f g x y c d Hf _ [Hg _] Hd | f g x cx y cy e _ [Hf Cf] _ [Hg Cg] E1 E2 E3]; simpl.
  - rewrite Rmult_1_l; assert (D : dom x (b s) (bH s) (Rabs (b s))) by (split; [lra|exact H]).
    split; [exact D|apply dom_abs with (1 := D)].
  - pose proof (aev_dom _ _ Hf) as Df; pose proof (dom_mul _ _ _ _ _ _ _ _ Df Hg) as D.
    assert (E : q * (q ^ (factors f - 1) * aval aH f * (q ^ adds g * bval (fun i => q * aH i) bH g))
                = q ^ adds g * (aval (fun i => q * aH i) f * bval (fun i => q * aH i) bH g)).
    { rewrite aval_scale, q_factors; ring. }
    rewrite <- E; split; [apply dom_rnd; assumption|].
    apply Rmult_le_compat_l; [lra|apply dom_abs with (1 := D)].
  - set (Wf := bval (fun i => q * aH i) bH f) in *; set (Wg := bval (fun i => q * aH i) bH g) in *.
    assert (0 <= Wf) by apply Wm_pos; assert (0 <= Wg) by apply Wm_pos.
    assert (D : dom (x + y + e) (bval a b f + bval a b g) (q ^ (adds f + adds g + 1) * (Wf + Wg))
                    (bval (fun i => Rabs (a i)) (fun s => Rabs (b s)) f + bval (fun i => Rabs (a i)) (fun s => Rabs (b s)) g)).
    { eapply dom_weaken.
      - apply dom_err with (k := v * (q ^ adds f * Wf + q ^ adds g * Wg)); [apply dom_add; eassumption|].
        apply Rle_trans with (1 := E1), Rmult_le_compat_l; lra.
      - assert (Q1 : q ^ adds f <= q ^ (adds f + adds g)) by (apply q_mono; lia).
        assert (Q2 : q ^ adds g <= q ^ (adds f + adds g)) by (apply q_mono; lia).
        rewrite (pow_add q (adds f + adds g) 1), pow_1.
        pose proof (Rmult_le_compat_r _ _ _ H Q1); pose proof (Rmult_le_compat_r _ _ _ H0 Q2).
        pose proof (Rmult_le_compat_l q _ _ ltac:(lra) H1); pose proof (Rmult_le_compat_l q _ _ ltac:(lra) H2); lra. }
    split; [exact D|apply dom_abs with (1 := D)].
Qed.

Theorem formula_theorem1 f x c : bev f x c -> Rabs (x - exact f) <= q ^ adds f * Wm f - M f.
Proof. intros H; destruct (bev_dom _ _ _ H) as [[_ D] _]; exact D. Qed.

Lemma cap_le f x c : bev f x c -> c <= q ^ (muls f + adds f) * Mh f.
Proof.
  intros H; destruct (bev_dom _ _ _ H) as [_ C]; apply Rle_trans with (1 := C).
  rewrite Nat.add_comm, pow_add, Rmult_assoc; apply Rmult_le_compat_l; [pose proof (q_pos (adds f)); lra|apply Wm_le].
Qed.

Lemma bev_apart f x c : bev f x c -> dom x (exact f) (Wm f + q ^ (muls f + adds f) * V f) (M f).
Proof.
  unfold exact, M, Wm; induction 1 as [s x H | f g x y c d Hf Hg IHg Hd | f g x cx y cy e Hf IHf Hg IHg E1 E2 E3]; simpl.
  - split; [lra|rewrite Rmult_0_r, Rplus_0_r; exact H].
  - eapply dom_weaken; [apply dom_rnd with (v := v), Hd; apply dom_mul; [apply aev_dom, Hf|exact IHg]|].
    right; rewrite aval_scale, <- Nat.add_assoc, (pow_add q (factors f)), q_factors; ring.
  - set (Q := q ^ (Nat.max (muls f) (muls g) + (adds f + adds g + 1))).
    assert (Qf : q ^ (muls f + adds f) <= Q) by (apply q_mono; lia).
    assert (Qg : q ^ (muls g + adds g) <= Q) by (apply q_mono; lia).
    pose proof (Rle_trans _ _ _ (cap_le _ _ _ Hf) (Rmult_le_compat_r _ _ _ (Mh_pos f) Qf)) as Cf.
    pose proof (Rle_trans _ _ _ (cap_le _ _ _ Hg) (Rmult_le_compat_r _ _ _ (Mh_pos g) Qg)) as Cg.
    pose proof (Rmult_le_compat_r _ _ _ (V_pos f) Qf); pose proof (Rmult_le_compat_r _ _ _ (V_pos g) Qg).
    eapply dom_weaken; [apply dom_err with (k := Q * Rmin (v * (Mh f + Mh g)) (Rmin (Mh f) (Mh g)));
      [apply dom_add; eassumption|]|lra].
    pose proof (Rmult_le_compat_l v _ _ v0 (Rplus_le_compat _ _ _ _ Cf Cg)).
    unfold Rmin; repeat destruct Rle_dec; lra.
Qed.

Lemma mins_ge th y : forall c, 0 <= th -> 0 <= c -> Rmin th (c * Mh y) <= mins th c y.
Proof.
  unfold Mh; induction y as [s|x y IH|x IHx y IHy]; intros c Ht Hc; simpl; [lra| |].
  - rewrite <- Rmult_assoc; apply IH; [exact Ht|apply Rmult_le_pos; [exact Hc|apply PH_pos]].
  - specialize (IHx c Ht Hc); specialize (IHy c Ht Hc); rewrite Rmult_plus_distr_l.
    pose proof (Rmult_le_pos _ _ Hc (Mh_pos x)); pose proof (Rmult_le_pos _ _ Hc (Mh_pos y)); unfold Mh in *.
    unfold Rmin in *; repeat destruct Rle_dec; lra.
Qed.

(** Lemma 2 for formulas. *)
Lemma formula_absorbed th y : forall c, 0 <= c -> v * (c * Mh y) <= th ->
  c * V y + Rmin th (c * Mh y) <= (1 + INR (adds y) * v) * mins th c y.
Proof.
  induction y as [s|x y IH|x IHx y IHy]; intros c Hc Hth.
  - unfold Mh; simpl; rewrite Rmult_0_r, Rmult_0_l, !Rplus_0_r, Rplus_0_l, Rmult_1_l; lra.
  - specialize (IH (c * aval aH x) (Rmult_le_pos _ _ Hc (PH_pos x))); unfold Mh in *; simpl in *.
    rewrite <- !Rmult_assoc in *; apply IH; exact Hth.
  - pose proof (Rmult_le_pos _ _ Hc (Mh_pos x)) as Px; pose proof (Rmult_le_pos _ _ Hc (Mh_pos y)) as Py.
    change (Mh (BAdd x y)) with (Mh x + Mh y) in *; cbn [V mins adds].
    replace (c * (Mh x + Mh y)) with (c * Mh x + c * Mh y) in * by ring.
    replace (c * (V x + V y + Rmin (v * (Mh x + Mh y)) (Rmin (Mh x) (Mh y))))
      with (c * V x + c * V y + c * Rmin (v * (Mh x + Mh y)) (Rmin (Mh x) (Mh y))) by ring.
    pose proof (Rmult_le_pos _ _ v0 Px); pose proof (Rmult_le_pos _ _ v0 Py); rewrite Rmult_plus_distr_l in Hth.
    assert (Ht : 0 <= th) by lra.
    specialize (IHx c Hc ltac:(lra)); specialize (IHy c Hc ltac:(lra)).
    pose proof (mins_ge th x c Ht Hc) as Gx; pose proof (mins_ge th y c Ht Hc) as Gy.
    assert (Hth2 : v * (c * Mh x + c * Mh y) <= th) by lra.
    pose proof (min_step v v0 th _ _ Px Py Hth2) as S.
    assert (K : c * Rmin (v * (Mh x + Mh y)) (Rmin (Mh x) (Mh y))
                <= Rmin (v * (c * Mh x + c * Mh y)) (Rmin (c * Mh x) (c * Mh y))).
    { repeat apply Rmin_glb.
      - replace (v * (c * Mh x + c * Mh y)) with (c * (v * (Mh x + Mh y))) by ring.
        apply Rmult_le_compat_l, Rmin_l; exact Hc.
      - apply Rmult_le_compat_l; [exact Hc|]; apply Rle_trans with (1 := Rmin_r _ _), Rmin_l.
      - apply Rmult_le_compat_l; [exact Hc|]; apply Rle_trans with (1 := Rmin_r _ _), Rmin_r. }
    rewrite !plus_INR; simpl (INR 1); pose proof (pos_INR (adds x)) as Nx; pose proof (pos_INR (adds y)) as Ny.
    pose proof (Rmult_le_compat_l v _ _ v0 Gx); pose proof (Rmult_le_compat_l v _ _ v0 Gy).
    assert (Zx : 0 <= mins th c x) by (apply Rle_trans with (2 := Gx), Rmin_glb; lra).
    assert (Zy : 0 <= mins th c y) by (apply Rle_trans with (2 := Gy), Rmin_glb; lra).
    pose proof (Rmult_le_pos _ _ (Rmult_le_pos _ _ Nx v0) Zy); pose proof (Rmult_le_pos _ _ (Rmult_le_pos _ _ Ny v0) Zx).
    lra.
Qed.

Lemma formula_counted y : V y <= INR (adds y) * v * Mh y.
Proof.
  induction y as [s|x y IH|x IHx y IHy]; [unfold Mh; simpl; lra| |].
  - change (Mh (BMul x y)) with (aval aH x * Mh y); cbn [V adds].
    pose proof (Rmult_le_compat_l _ _ _ (PH_pos x) IH); lra.
  - change (Mh (BAdd x y)) with (Mh x + Mh y); cbn [V adds]; rewrite !plus_INR; simpl (INR 1).
    pose proof (Rmin_l (v * (Mh x + Mh y)) (Rmin (Mh x) (Mh y))).
    pose proof (Rmult_le_pos _ _ (Rmult_le_pos _ _ (pos_INR (adds x)) v0) (Mh_pos y)).
    pose proof (Rmult_le_pos _ _ (Rmult_le_pos _ _ (pos_INR (adds y)) v0) (Mh_pos x)); lra.
Qed.

Theorem formula_theorem2_count f x c : bev f x c ->
  Rabs (x - exact f) <= Wm f - M f + q ^ (muls f + adds f) * (INR (adds f) * v * Mh f).
Proof.
  intros H; destruct (bev_apart _ _ _ H) as [_ D]; apply Rle_trans with (1 := D).
  pose proof (q_pos (muls f + adds f)).
  pose proof (Rmult_le_compat_l (q ^ (muls f + adds f)) _ _ ltac:(lra) (formula_counted f)); lra.
Qed.

Theorem formula_theorem2 f x c : bev f x c ->
  Rabs (x - exact f) <= Wm f - M f + q ^ (muls f + adds f)
    * ((1 + INR (adds f) * v) * mins (v * Mh f) 1 f - v * Mh f).
Proof.
  intros H; destruct (bev_apart _ _ _ H) as [_ D]; apply Rle_trans with (1 := D).
  assert (Hth : v * (1 * Mh f) <= v * Mh f) by (rewrite Rmult_1_l; apply Rle_refl).
  pose proof (formula_absorbed _ f 1 Rle_0_1 Hth) as L; rewrite !Rmult_1_l in L.
  assert (HM : Rmin (v * Mh f) (Mh f) = v * Mh f).
  { apply Rmin_left; rewrite <- (Rmult_1_l (Mh f)) at 2; apply Rmult_le_compat_r; [apply Mh_pos|exact v1]. }
  rewrite HM in L; pose proof (q_pos (muls f + adds f)).
  assert (HV : V f <= (1 + INR (adds f) * v) * mins (v * Mh f) 1 f - v * Mh f) by lra.
  pose proof (Rmult_le_compat_l (q ^ (muls f + adds f)) _ _ ltac:(lra) HV); lra.
Qed.
End Formulas.
