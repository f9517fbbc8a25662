(** Bounds for every unambiguous formula: bracketings, the quadratic form, permuted sums.

    Main results: [formula_theorem1], [formula_theorem2_count], [formula_theorem2], [formula_theorem3] for any formula, in terms of its own
    excess through kicks, [D]; formulas of one h_t: FormulasScan.v; D of products in order: FormulasKicks.v.
    [bev] is the error model; its sums are absorbed by both addends, where an addend that is a product may be fused into the sum.
    Depends on: RoundingModel (majorant pairs), RoundingTree (inequalities), RoundingAbsorption (the step of Lemma 2). *)
From Coq Require Import Reals List Arith Lia Lra Psatz.
From Exactscan Require Import RoundingModel RoundingTree RoundingAbsorption.
Import ListNotations.
Open Scope R_scope.

(** Products of multipliers a_i; sums of summands b_s times such products, formed in any order. *)
Inductive aform := AVar (i : nat) | AMul (x y : aform).
Inductive bform := BVar (s : nat) | BMul (x : aform) (y : bform) | BAdd (x y : bform).

Section Formulas.
(** Relative error of an operation; largest absolute loss of a product, of a sum. *)
Variables v km kp : R.
Hypothesis v0 : 0 <= v.
Hypothesis v1 : v <= 1.
Hypothesis km0 : 0 <= km.
Hypothesis kp0 : 0 <= kp.
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
(** Most sums on the way of a term. *)
Fixpoint depth y :=
  match y with BVar _ => 0 | BMul _ y => depth y | BAdd x y => Nat.max (depth x) (depth y) + 1 end%nat.
(** The value with given coefficients, and the multiplication-only majorant. *)
Fixpoint bval (f g : nat -> R) y :=
  match y with BVar s => g s | BMul x y => aval f x * bval f g y | BAdd x y => bval f g x + bval f g y end.
Definition exact := bval a b.
Definition M := bval (fun i => Rabs (a i)) (fun s => Rabs (b s)).
Definition Mh := bval aH bH.
Definition Wm := bval (fun i => q * aH i) bH.
(** Sizes with kicks, and their excess. *)
Fixpoint AU x := match x with AVar i => aH i | AMul x y => AU x * AU y + km end.
Fixpoint BU y := match y with BVar s => bH s | BMul x y => AU x * BU y + km | BAdd x y => BU x + BU y + kp end.
Definition DA x := AU x - aval aH x.
Definition D y := BU y - Mh y.
Fixpoint V y :=
  match y with
  | BVar _ => 0
  | BMul x y => AU x * V y
  | BAdd x y => V x + V y + Rmin (v * BU (BAdd x y)) (Rmin (BU x) (BU y))
  end.
Fixpoint mins th c y :=
  match y with
  | BVar s => Rmin th (c * bH s)
  | BMul x y => mins th (c * aval aH x) y
  | BAdd x y => mins th c x + mins th c y
  end.

Inductive aev : aform -> R -> Prop :=
| aev_var i x : Rabs (x - a i) <= aH i - Rabs (a i) -> aev (AVar i) x
| aev_mul f g x y d e : aev f x -> aev g y -> Rabs d <= v -> Rabs e <= km -> aev (AMul f g) (x * y * (1 + d) + e).
(** The second number is the size that a sum sees. *)
Inductive bev : bform -> R -> R -> Prop :=
| bev_var s x : Rabs (x - b s) <= bH s - Rabs (b s) -> bev (BVar s) x (Rabs x)
| bev_mul f g x y c d e : aev f x -> bev g y c -> Rabs d <= v -> Rabs e <= km ->
    bev (BMul f g) (x * y * (1 + d) + e) (q * Rabs (x * y) + km)
| bev_add f g x cx y cy e k : bev f x cx -> bev g y cy ->
    Rabs e <= v * (cx + cy) -> Rabs e <= cx -> Rabs e <= cy -> Rabs k <= kp ->
    bev (BAdd f g) (x + y + e + k) (Rabs (x + y + e + k)).

Lemma aH_pos i : 0 <= aH i. Proof. apply Rle_trans with (2 := a_le i), Rabs_pos. Qed.
Lemma bH_pos s : 0 <= bH s. Proof. apply Rle_trans with (2 := b_le s), Rabs_pos. Qed.
Lemma q_pos n : 1 <= q ^ n. Proof. apply pow_R1_Rle; lra. Qed.
Lemma q_nonneg n : 0 <= q ^ n. Proof. pose proof (q_pos n); lra. Qed.
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
Proof. unfold Mh; induction y; simpl; auto using bH_pos, PH_pos, Rmult_le_pos, Rplus_le_le_0_compat. Qed.
Lemma aval_scale x : aval (fun i => q * aH i) x = q ^ factors x * aval aH x.
Proof. induction x as [i|x IHx y IHy]; simpl; [ring|rewrite IHx, IHy, pow_add; ring]. Qed.
Lemma Wm_pos y : 0 <= Wm y.
Proof.
  unfold Wm; induction y; simpl; auto using bH_pos, Rplus_le_le_0_compat.
  rewrite aval_scale; auto using Rmult_le_pos, q_nonneg, PH_pos.
Qed.
Lemma DA_pos x : 0 <= DA x.
Proof.
  unfold DA; induction x as [i|x IHx y IHy]; simpl; [lra|].
  pose proof (PH_pos x); pose proof (PH_pos y); pose proof (Rmult_le_compat (aval aH x) (AU x) (aval aH y) (AU y)); lra.
Qed.
Lemma AU_pos x : 0 <= AU x. Proof. pose proof (DA_pos x); pose proof (PH_pos x); unfold DA in *; lra. Qed.
Lemma BU_pos y : 0 <= BU y.
Proof.
  induction y as [s|x y IH|x IHx y IHy]; simpl; [apply bH_pos|pose proof (Rmult_le_pos _ _ (AU_pos x) IH); lra|lra].
Qed.
Lemma D_mul x y : D (BMul x y) = aval aH x * D y + DA x * (Mh y + D y) + km.
Proof. unfold D, DA, Mh; simpl; ring. Qed.
Lemma D_add x y : D (BAdd x y) = D x + D y + kp.
Proof. unfold D, Mh; simpl; ring. Qed.
Lemma D_pos y : 0 <= D y.
Proof.
  induction y as [s|x y IH|x IHx y IHy]; [unfold D, Mh; simpl; lra| |rewrite D_add; lra].
  rewrite D_mul; pose proof (Rmult_le_pos _ _ (PH_pos x) IH); pose proof (Mh_pos y).
  assert (0 <= DA x * (Mh y + D y)) by (apply Rmult_le_pos; [apply DA_pos|lra]); lra.
Qed.
Lemma V_pos y : 0 <= V y.
Proof.
  induction y as [s|x y IH|x IHx y IHy]; [simpl; lra|simpl; apply Rmult_le_pos; [apply AU_pos|exact IH]|].
  pose proof (Rmult_le_pos _ _ v0 (BU_pos (BAdd x y))); pose proof (BU_pos x); pose proof (BU_pos y).
  cbn [V]; repeat apply Rplus_le_le_0_compat; auto; repeat apply Rmin_glb; assumption.
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

Lemma aev_dom f x : aev f x -> dom x (aval a f) (q ^ (factors f - 1) * AU f) (aval (fun i => Rabs (a i)) f).
Proof.
  induction 1 as [i x H | f g x y d e _ IHf _ IHg Hd He]; simpl.
  - rewrite Rmult_1_l; split; [lra|exact H].
  - eapply dom_weaken; [apply dom_err with (2 := He), dom_rnd with (v := v), Hd; apply dom_mul; eassumption|].
    pose proof (factors_pos f); pose proof (factors_pos g).
    replace (factors f + factors g - 1)%nat with (1 + (factors f - 1) + (factors g - 1))%nat by lia.
    rewrite Rmult_plus_distr_l; apply Rplus_le_compat; [right; rewrite !pow_add, pow_1; ring|].
    rewrite <- (Rmult_1_l km) at 1; apply Rmult_le_compat_r; [exact km0|apply q_pos].
Qed.

Definition W1 f := q ^ depth f * Wm f + q ^ (muls f + depth f) * D f.

(** Every rounding charged to the terms below it; what sums see obeys the same bound. *)
Lemma bev_dom f x c : bev f x c -> dom x (exact f) (W1 f) (M f) /\ c <= W1 f.
Proof.
  induction 1 as [s x H | f g x y c d e Hf _ [Hg _] Hd He | f g x cx y cy e k _ [Hf Cf] _ [Hg Cg] E1 E2 E3 Hk].
  - assert (E : W1 (BVar s) = bH s) by (unfold W1, D, Wm, Mh; simpl; ring); rewrite E.
    assert (Dm : dom x (b s) (bH s) (Rabs (b s))) by (split; [lra|exact H]); split; [exact Dm|apply dom_abs with (1 := Dm)].
  - pose proof (aev_dom _ _ Hf) as Df; pose proof (dom_mul _ _ _ _ _ _ _ _ Df Hg) as Dp.
    assert (E : q * (q ^ (factors f - 1) * AU f * W1 g) + km <= W1 (BMul f g)).
    { unfold W1; rewrite D_mul; cbn [muls depth]; unfold Wm at 2; cbn [bval]; fold (Wm g); rewrite aval_scale.
      replace (AU f) with (aval aH f + DA f) by (unfold DA; ring).
      pose proof (node_arith_B 1 (q ^ factors f) (q ^ muls g) (q ^ depth g) (q ^ depth g) (q ^ depth g) (aval aH f) (DA f) (Wm g) (Mh g) (D g) km 0 0 0) as N.
      eapply Rle_trans; [|eapply Rle_trans; [apply N|]]; auto using PH_pos, DA_pos, Wm_pos, D_pos, Mh_pos, q_pos, q_nonneg, Wm_le; try lra.
      - right; rewrite q_factors, !pow_add; ring.
      - right; rewrite !pow_add; ring. }
    assert (Dm : dom (x * y * (1 + d) + e) (exact (BMul f g)) (W1 (BMul f g)) (M (BMul f g))).
    { eapply dom_weaken; [apply dom_err with (2 := He), dom_rnd with (v := v), Hd; exact Dp|exact E]. }
    split; [exact Dm|]; apply Rle_trans with (2 := E), Rplus_le_compat_r, Rmult_le_compat_l; [lra|apply dom_abs with (1 := Dp)].
  - assert (E : q * (W1 f + W1 g) + kp <= W1 (BAdd f g)).
    { unfold W1; rewrite D_add; cbn [muls depth]; unfold Wm at 3; cbn [bval]; fold (Wm f) (Wm g).
      set (n := (Nat.max (depth f) (depth g) + 1)%nat); set (m := Nat.max (muls f) (muls g)).
      assert (K : forall i, (i + 1 <= n)%nat -> q * q ^ i <= q ^ n).
      { intros i Hi; replace (q * q ^ i) with (q ^ (1 + i)) by (rewrite pow_add, pow_1; reflexivity); apply q_mono; lia. }
      assert (K2 : forall i j, (i + 1 <= n)%nat -> (j <= m)%nat -> q * q ^ (j + i) <= q ^ (m + n)).
      { intros i j Hi Hj; replace (q * q ^ (j + i)) with (q ^ (1 + (j + i))) by (rewrite pow_add, pow_1; reflexivity); apply q_mono; lia. }
      pose proof (Rmult_le_compat_r _ _ _ (Wm_pos f) (K (depth f) ltac:(unfold n; lia))).
      pose proof (Rmult_le_compat_r _ _ _ (Wm_pos g) (K (depth g) ltac:(unfold n; lia))).
      pose proof (Rmult_le_compat_r _ _ _ (D_pos f) (K2 (depth f) (muls f) ltac:(unfold n; lia) ltac:(unfold m; lia))).
      pose proof (Rmult_le_compat_r _ _ _ (D_pos g) (K2 (depth g) (muls g) ltac:(unfold n; lia) ltac:(unfold m; lia))).
      pose proof (Rmult_le_compat_r _ _ _ kp0 (q_pos (m + n))); lra. }
    assert (Dm : dom (x + y + e + k) (exact (BAdd f g)) (W1 (BAdd f g)) (M (BAdd f g))).
    { eapply dom_weaken; [apply dom_err with (2 := Hk), dom_err with (k := v * (W1 f + W1 g)); [apply dom_add; eassumption|]|].
      - apply Rle_trans with (1 := E1), Rmult_le_compat_l; lra.
      - apply Rle_trans with (2 := E); right; ring. }
    split; [exact Dm|apply dom_abs with (1 := Dm)].
Qed.

(** With a declared depth. *)
Theorem formula_theorem3 f x c n : bev f x c -> (depth f <= n)%nat ->
  Rabs (x - exact f) <= q ^ n * Wm f - M f + q ^ (muls f + n) * D f.
Proof.
  intros H Hn; destruct (bev_dom _ _ _ H) as [[_ B] _]; apply Rle_trans with (1 := B); unfold W1.
  pose proof (Rmult_le_compat_r _ _ _ (Wm_pos f) (q_mono _ _ Hn)).
  assert (Hm : (muls f + depth f <= muls f + n)%nat) by lia; pose proof (Rmult_le_compat_r _ _ _ (D_pos f) (q_mono _ _ Hm)); lra.
Qed.

Lemma depth_adds y : (depth y <= adds y)%nat.
Proof. induction y; simpl; lia. Qed.

Theorem formula_theorem1 f x c : bev f x c ->
  Rabs (x - exact f) <= q ^ adds f * Wm f - M f + q ^ (muls f + adds f) * D f.
Proof. intros H; apply (formula_theorem3 f x c (adds f) H (depth_adds f)). Qed.

Lemma cap_le f x c : bev f x c -> c <= q ^ (muls f + adds f) * BU f.
Proof.
  intros H; destruct (bev_dom _ _ _ H) as [_ C]; apply Rle_trans with (1 := C); unfold W1.
  replace (BU f) with (Mh f + D f) by (unfold D; ring); pose proof (depth_adds f) as Hd.
  assert (Hm : (muls f + depth f <= muls f + adds f)%nat) by lia.
  pose proof (Rmult_le_compat_r _ _ _ (D_pos f) (q_mono _ _ Hm)); pose proof (Rmult_le_compat_r _ _ _ (Wm_pos f) (q_mono _ _ Hd)).
  pose proof (Rmult_le_compat_l _ _ _ (q_nonneg (adds f)) (Wm_le f)); rewrite !pow_add in *; lra.
Qed.

Lemma bev_apart f x c : bev f x c -> dom x (exact f) (Wm f + q ^ (muls f + adds f) * (V f + D f)) (M f).
Proof.
  induction 1 as [s x H | f g x y c d e Hf Hg IHg Hd He | f g x cx y cy e k Hf IHf Hg IHg E1 E2 E3 Hk].
  - unfold exact, M, Wm, D, Mh; simpl; split; [lra|]; apply Rle_trans with (1 := H); right; ring.
  - eapply dom_weaken; [apply dom_err with (2 := He), dom_rnd with (v := v), Hd; apply dom_mul; [apply aev_dom, Hf|exact IHg]|].
    rewrite D_mul; cbn [muls adds V]; unfold Wm at 2; cbn [bval]; fold (Wm g); rewrite aval_scale.
    replace (AU f) with (aval aH f + DA f) by (unfold DA; ring).
    pose proof (node_arith_C (q ^ factors f) (q ^ muls g) (q ^ (factors f + muls g + adds g)) (q ^ (muls g + adds g)) 1
      (aval aH f) (DA f) (Wm g) (Mh g) (V g) (D g) km 0 0 0 0 0) as N.
    eapply Rle_trans; [|eapply Rle_trans; [apply N|]]; auto using PH_pos, DA_pos, Wm_pos, D_pos, V_pos, Mh_pos, q_pos, q_nonneg, Wm_le; try lra.
    + right; rewrite q_factors; ring.
    + right; rewrite !pow_add; ring.
    + rewrite <- pow_add; apply q_mono; lia.
  - set (Q := q ^ (Nat.max (muls f) (muls g) + (adds f + adds g + 1))).
    assert (Qf : q ^ (muls f + adds f) <= Q) by (apply q_mono; lia).
    assert (Qg : q ^ (muls g + adds g) <= Q) by (apply q_mono; lia).
    assert (Q1 : 1 <= Q) by apply q_pos.
    pose proof (Rle_trans _ _ _ (cap_le _ _ _ Hf) (Rmult_le_compat_r _ _ _ (BU_pos f) Qf)) as Cf.
    pose proof (Rle_trans _ _ _ (cap_le _ _ _ Hg) (Rmult_le_compat_r _ _ _ (BU_pos g) Qg)) as Cg.
    pose proof (Rmult_le_compat_r _ _ _ (V_pos f) Qf); pose proof (Rmult_le_compat_r _ _ _ (V_pos g) Qg).
    pose proof (Rmult_le_compat_r _ _ _ (D_pos f) Qf); pose proof (Rmult_le_compat_r _ _ _ (D_pos g) Qg).
    pose proof (Rmult_le_compat_r _ _ _ kp0 Q1).
    rewrite D_add; cbn [muls adds V]; fold Q; set (cost := Rmin (v * BU (BAdd f g)) (Rmin (BU f) (BU g))).
    assert (He : Rabs e <= Q * cost).
    { assert (0 <= Q * (v * kp)) by (apply Rmult_le_pos; [lra|apply Rmult_le_pos; assumption]).
      pose proof (Rmult_le_compat_l v _ _ v0 (Rplus_le_compat _ _ _ _ Cf Cg)).
      unfold cost; cbn [BU]; unfold Rmin; repeat destruct Rle_dec; lra. }
    eapply dom_weaken; [apply dom_err with (2 := Hk), dom_err with (2 := He), dom_add; eassumption|].
    unfold Wm at 3; cbn [bval]; fold (Wm f) (Wm g); lra.
Qed.

Lemma min_part th x y : 0 <= x -> 0 <= y -> Rmin th (x + y) <= Rmin th x + y.
Proof. intros; unfold Rmin; repeat destruct Rle_dec; lra. Qed.

Lemma mins_ge th y : forall c, 0 <= th -> 0 <= c -> Rmin th (c * Mh y) <= mins th c y.
Proof.
  unfold Mh; induction y as [s|x y IH|x IHx y IHy]; intros c Ht Hc; simpl; [lra| |].
  - rewrite <- Rmult_assoc; apply IH; [exact Ht|apply Rmult_le_pos; [exact Hc|apply PH_pos]].
  - specialize (IHx c Ht Hc); specialize (IHy c Ht Hc); rewrite Rmult_plus_distr_l.
    pose proof (Rmult_le_pos _ _ Hc (Mh_pos x)); pose proof (Rmult_le_pos _ _ Hc (Mh_pos y)); unfold Mh in *.
    unfold Rmin in *; repeat destruct Rle_dec; lra.
Qed.

(** A larger context costs at most the excess. *)
Lemma mins_wider th y : forall c c', 0 <= c <= c' -> mins th c' y <= mins th c y + (c' - c) * Mh y.
Proof.
  unfold Mh; induction y as [s|x y IH|x IHx y IHy]; intros c c' Hc; simpl.
  - assert (0 <= (c' - c) * bH s) by (apply Rmult_le_pos; [lra|apply bH_pos]); unfold Rmin; repeat destruct Rle_dec; lra.
  - pose proof (PH_pos x).
    assert (H1 : 0 <= c * aval aH x <= c' * aval aH x) by (split; [apply Rmult_le_pos; lra|apply Rmult_le_compat_r; lra]).
    specialize (IH _ _ H1); lra.
  - specialize (IHx _ _ Hc); specialize (IHy _ _ Hc); lra.
Qed.

Definition reduced th c y := mins th c y + c * D y.

Lemma reduced_ge th c y : 0 <= th -> 0 <= c -> Rmin th (c * BU y) <= reduced th c y.
Proof.
  intros Ht Hc; unfold reduced; replace (c * BU y) with (c * Mh y + c * D y) by (unfold D; ring).
  pose proof (mins_ge th y c Ht Hc); pose proof (Rmult_le_pos _ _ Hc (Mh_pos y)); pose proof (Rmult_le_pos _ _ Hc (D_pos y)).
  apply Rle_trans with (1 := min_part _ _ _ H0 H1); lra.
Qed.
Lemma reduced_pos th c y : 0 <= th -> 0 <= c -> 0 <= reduced th c y.
Proof.
  intros Ht Hc; apply Rle_trans with (2 := reduced_ge th c y Ht Hc), Rmin_glb; [exact Ht|apply Rmult_le_pos; [exact Hc|apply BU_pos]].
Qed.

(** Lemma 2 for formulas. *)
Lemma formula_absorbed th y : forall c, 0 <= c -> v * (c * BU y) <= th ->
  c * V y + Rmin th (c * BU y) <= (1 + INR (adds y) * v) * reduced th c y.
Proof.
  induction y as [s|x y IH|x IHx y IHy]; intros c Hc Hth.
  - unfold reduced, D, Mh; simpl; rewrite Rmult_0_r, Rmult_0_l, Rplus_0_l, Rplus_0_r, Rmult_1_l; lra.
  - pose proof (AU_pos x) as HA; pose proof (DA_pos x) as HD; pose proof (PH_pos x) as HP.
    assert (HcA : 0 <= c * AU x) by (apply Rmult_le_pos; assumption); assert (Hck : 0 <= c * km) by (apply Rmult_le_pos; assumption).
    pose proof (Rmult_le_pos _ _ HcA (BU_pos y)) as HX; pose proof (Rmult_le_pos _ _ v0 Hck).
    assert (Hth2 : v * (c * AU x * BU y) <= th) by (simpl in Hth; lra).
    specialize (IH _ HcA Hth2).
    assert (HN : 1 <= 1 + INR (adds y) * v) by (pose proof (Rmult_le_pos _ _ (pos_INR (adds y)) v0); lra).
    assert (HS : reduced th (c * AU x) y + c * km <= reduced th c (BMul x y)).
    { unfold reduced; rewrite D_mul; cbn [mins].
      assert (HcP : 0 <= c * aval aH x <= c * AU x).
      { split; [apply Rmult_le_pos; assumption|apply Rmult_le_compat_l; [exact Hc|unfold DA in HD; lra]]. }
      pose proof (mins_wider th y _ _ HcP); replace (AU x) with (aval aH x + DA x) in * by (unfold DA; ring); lra. }
    cbn [V adds BU].
    replace (c * (AU x * BU y + km)) with (c * AU x * BU y + c * km) by ring.
    pose proof (min_part th _ _ HX Hck); pose proof (Rmult_le_compat_r _ _ _ Hck HN).
    pose proof (Rmult_le_compat_l _ _ _ (Rle_trans _ _ _ Rle_0_1 HN) HS); lra.
  - pose proof (Rmult_le_pos _ _ Hc (BU_pos x)) as Px; pose proof (Rmult_le_pos _ _ Hc (BU_pos y)) as Py.
    pose proof (Rmult_le_pos _ _ Hc kp0) as Pk; cbn [V adds]; change (BU (BAdd x y)) with (BU x + BU y + kp) in *.
    pose proof (Rmult_le_pos _ _ v0 Px); pose proof (Rmult_le_pos _ _ v0 Py); pose proof (Rmult_le_pos _ _ v0 Pk).
    assert (Ht : 0 <= th) by lra.
    specialize (IHx c Hc ltac:(lra)); specialize (IHy c Hc ltac:(lra)).
    pose proof (reduced_ge th c x Ht Hc) as Gx; pose proof (reduced_ge th c y Ht Hc) as Gy.
    assert (Hth2 : v * (c * BU x + c * BU y + c * kp) <= th) by lra.
    pose proof (min_step_kick v v0 th _ _ _ Px Py Pk Hth2) as St.
    assert (K : c * Rmin (v * (BU x + BU y + kp)) (Rmin (BU x) (BU y))
                <= Rmin (v * (c * BU x + c * BU y + c * kp)) (Rmin (c * BU x) (c * BU y))).
    { repeat apply Rmin_glb.
      - replace (v * (c * BU x + c * BU y + c * kp)) with (c * (v * (BU x + BU y + kp))) by ring.
        apply Rmult_le_compat_l, Rmin_l; exact Hc.
      - apply Rmult_le_compat_l; [exact Hc|]; apply Rle_trans with (1 := Rmin_r _ _), Rmin_l.
      - apply Rmult_le_compat_l; [exact Hc|]; apply Rle_trans with (1 := Rmin_r _ _), Rmin_r. }
    assert (ES : reduced th c (BAdd x y) = reduced th c x + reduced th c y + c * kp) by (unfold reduced; rewrite D_add; cbn [mins]; ring).
    rewrite ES, !plus_INR; simpl (INR 1); pose proof (pos_INR (adds x)) as Nx; pose proof (pos_INR (adds y)) as Ny.
    replace (c * (BU x + BU y + kp)) with (c * BU x + c * BU y + c * kp) by ring.
    pose proof (Rmult_le_compat_l v _ _ v0 Gx); pose proof (Rmult_le_compat_l v _ _ v0 Gy).
    pose proof (reduced_pos th c x Ht Hc) as Zx; pose proof (reduced_pos th c y Ht Hc) as Zy.
    pose proof (Rmult_le_pos _ _ (Rmult_le_pos _ _ Nx v0) Zy); pose proof (Rmult_le_pos _ _ (Rmult_le_pos _ _ Ny v0) Zx).
    pose proof (Rmult_le_pos _ _ (Rmult_le_pos _ _ Nx v0) Pk); pose proof (Rmult_le_pos _ _ (Rmult_le_pos _ _ Ny v0) Pk).
    lra.
Qed.

Lemma formula_counted y : V y <= INR (adds y) * v * BU y.
Proof.
  induction y as [s|x y IH|x IHx y IHy]; [simpl; lra| |].
  - cbn [V adds BU]; pose proof (Rmult_le_compat_l _ _ _ (AU_pos x) IH).
    pose proof (Rmult_le_pos _ _ (Rmult_le_pos _ _ (pos_INR (adds y)) v0) km0); lra.
  - cbn [V adds]; rewrite !plus_INR; simpl (INR 1); pose proof (Rmin_l (v * BU (BAdd x y)) (Rmin (BU x) (BU y))).
    pose proof (Rmult_le_pos _ _ (pos_INR (adds x)) v0) as Nx; pose proof (Rmult_le_pos _ _ (pos_INR (adds y)) v0) as Ny.
    pose proof (Rmult_le_pos _ _ Nx (BU_pos y)); pose proof (Rmult_le_pos _ _ Ny (BU_pos x)).
    pose proof (Rmult_le_pos _ _ Nx kp0); pose proof (Rmult_le_pos _ _ Ny kp0); cbn [BU] in *; lra.
Qed.

Theorem formula_theorem2_count f x c : bev f x c ->
  Rabs (x - exact f) <= Wm f - M f + q ^ (muls f + adds f) * (INR (adds f) * v * BU f) + q ^ (muls f + adds f) * D f.
Proof.
  intros H; destruct (bev_apart _ _ _ H) as [_ B]; apply Rle_trans with (1 := B).
  pose proof (Rmult_le_compat_l _ _ _ (q_nonneg (muls f + adds f)) (formula_counted f)); lra.
Qed.

Lemma costs_le f : V f <= (1 + INR (adds f) * v) * (mins (v * BU f) 1 f + D f) - v * BU f.
Proof.
  assert (Hth : v * (1 * BU f) <= v * BU f) by (rewrite Rmult_1_l; apply Rle_refl).
  pose proof (formula_absorbed _ f 1 Rle_0_1 Hth) as L; unfold reduced in L; rewrite !Rmult_1_l in L.
  assert (HM : Rmin (v * BU f) (BU f) = v * BU f).
  { apply Rmin_left; rewrite <- (Rmult_1_l (BU f)) at 2; apply Rmult_le_compat_r; [apply BU_pos|exact v1]. }
  rewrite HM in L; lra.
Qed.

Theorem formula_theorem2 f x c : bev f x c ->
  Rabs (x - exact f) <= Wm f - M f + q ^ (muls f + adds f)
    * ((1 + INR (adds f) * v) * (mins (v * BU f) 1 f + D f) - v * BU f) + q ^ (muls f + adds f) * D f.
Proof.
  intros H; destruct (bev_apart _ _ _ H) as [_ B]; apply Rle_trans with (1 := B).
  pose proof (Rmult_le_compat_l _ _ _ (q_nonneg (muls f + adds f)) (costs_le f)); lra.
Qed.
End Formulas.

(** Without kicks there is no excess. *)
Lemma no_excess aH bH y : D 0 0 aH bH y = 0.
Proof.
  assert (A : forall x, AU 0 aH x = aval aH x) by (induction x as [i|x IHx z IHz]; simpl; [reflexivity|rewrite IHx, IHz; ring]).
  unfold D, Mh; induction y as [s|x y IH|x IHx y IHy]; simpl; [ring|rewrite A|lra].
  replace (BU 0 0 aH bH y) with (bval aH bH y) by lra; ring.
Qed.
