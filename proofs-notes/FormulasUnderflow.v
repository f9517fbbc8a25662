(** Formulas in a binary format, with underflow, and that the bound of bracketings does not hold for them.

    Main results: [flt_bev]: formulas evaluated in any binary format, gradual or flushing, fused or not, obey the error model;
    [in_order_bound]: Theorems 1 and 2 for the quadratic form with products in order, with its own kicks;
    [quadratic_exceeds]: in binary32 it exceeds the bound of bracketings.
    Depends on: RoundingIEEE, Formulas, FormulasScan, FormulasKicks; RoundingBounds for the bound that is exceeded. *)
From Coq Require Import Reals ZArith List Arith Lia Lra Psatz.
From Flocq Require Import Core Relative.
From Exactscan Require Import RoundingLists RoundingKicks RoundingBounds RoundingIEEE RoundingFormats Formulas FormulasScan FormulasFloat FormulasKicks.
Import ListNotations.
Open Scope R_scope.

Section Float.
Variables (prec emin : Z) (choice : Z -> bool) (ftz : bool).
Context {prec_pos : Prec_gt_0 prec}.
Notation op := (op prec emin choice ftz).
Notation format := (format prec emin).
Notation v := (v prec).
Notation km := (kmul prec emin ftz).
Notation kp := (kadd prec emin ftz).
Variables a aH b bH : nat -> R.
Notation aev := (aev v km a aH).
Notation bev := (bev v km kp a aH b bH).

Inductive flt_a : aform -> R -> Prop :=
| flt_a_var i x : Rabs (x - a i) <= aH i - Rabs (a i) -> flt_a (AVar i) x
| flt_a_mul f g x y r : flt_a f x -> flt_a g y -> op (x * y) r -> flt_a (AMul f g) r.
Inductive flt_b : bform -> R -> Prop :=
| flt_b_var s x : Rabs (x - b s) <= bH s - Rabs (b s) -> format x -> flt_b (BVar s) x
| flt_b_mul f g x y r : flt_a f x -> flt_b g y -> op (x * y) r -> flt_b (BMul f g) r
| flt_b_add f g x y r : flt_b f x -> flt_b g y -> op (x + y) r -> flt_b (BAdd f g) r
| flt_b_fused_l f g h x y z r : flt_a f x -> flt_b g y -> flt_b h z -> op (x * y + z) r -> flt_b (BAdd (BMul f g) h) r
| flt_b_fused_r f g h x y z r : flt_a f x -> flt_b g y -> flt_b h z -> op (x * y + z) r -> flt_b (BAdd h (BMul f g)) r.

Lemma flt_aev f x : flt_a f x -> aev f x.
Proof.
  induction 1 as [i x H | f g x y r _ Hf _ Hg O]; [constructor; exact H|].
  destruct (product_loss _ _ _ _ _ _ O) as (d & e & -> & Hd & He); constructor; assumption.
Qed.

Lemma size_le f x c : bev f x c -> Rabs x <= c.
Proof.
  intros H; destruct H as [s x _ | f g x y c d e _ _ Hd He | f g x cx y cy e k _ _ _ _ _ _]; try lra.
  apply Rle_trans with (1 := Rabs_triang _ _), Rplus_le_compat; [|exact He].
  rewrite Rabs_mult, Rmult_comm; apply Rmult_le_compat_r; [apply Rabs_pos|].
  apply Rle_trans with (1 := Rabs_triang _ _); rewrite Rabs_R1; lra.
Qed.

Lemma flt_b_format f x : flt_b f x -> format x.
Proof. intros H; destruct H; try assumption; eapply op_format; eassumption. Qed.

Lemma flt_fused f g h x y z r cy cz : aev f x -> bev g y cy -> bev h z cz -> format z -> op (x * y + z) r ->
  exists p e k, bev (BMul f g) p ((1 + v) * Rabs (x * y) + km) /\ r = p + z + e + k /\
    Rabs e <= v * ((1 + v) * Rabs (x * y) + km + cz) /\ Rabs e <= (1 + v) * Rabs (x * y) + km /\ Rabs e <= cz /\ Rabs k <= kp.
Proof.
  intros Hf Hg Hh Fz O; pose proof (v_pos prec) as Hv; pose proof (kmul_pos prec emin ftz) as Hk; pose proof (size_le _ _ _ Hh) as Hz.
  destruct (fused_loss prec emin choice ftz v (x * y) z r Hv (near_v _ _ _ _) Fz O) as (d & eb & e & k & -> & Hd & Heb & H1 & H2 & H3 & H4).
  pose proof (Rmult_le_pos _ _ Hv (Rabs_pos (x * y))).
  exists (x * y * (1 + d) + eb), e, k; repeat split; auto; try lra.
  - apply bev_mul with (c := cy); assumption.
  - apply Rle_trans with (1 := H1), Rmult_le_compat_l; [exact Hv|]; pose proof (Rabs_triang (x * y) z); lra.
Qed.

Theorem flt_bev f x : flt_b f x -> exists c, bev f x c.
Proof.
  induction 1 as [s x H _ | f g x y r Hf _ (cy & Hy) O | f g x y r Hf (cx & Hx) Hg (cy & Hy) O
    | f g h x y z r Hf _ (cy & Hy) Hh (cz & Hz) O | f g h x y z r Hf _ (cy & Hy) Hh (cz & Hz) O].
  - exists (Rabs x); constructor; exact H.
  - destruct (product_loss _ _ _ _ _ _ O) as (d & e & -> & Hd & He).
    eexists; apply bev_mul with (1 := flt_aev _ _ Hf) (2 := Hy) (3 := Hd) (4 := He).
  - destruct (sum_loss _ _ _ _ _ _ _ (flt_b_format _ _ Hf) (flt_b_format _ _ Hg) O) as (e & k & -> & H1 & H2 & H3 & H4).
    pose proof (size_le _ _ _ Hx); pose proof (size_le _ _ _ Hy); pose proof (v_pos prec) as Hv.
    assert (E : Rabs e <= v * (cx + cy)).
    { apply Rle_trans with (1 := H1), Rmult_le_compat_l; [exact Hv|]; pose proof (Rabs_triang x y); lra. }
    eexists; apply bev_add with (1 := Hx) (2 := Hy) (3 := E); try assumption; lra.
  - destruct (flt_fused _ _ _ _ _ _ _ _ _ (flt_aev _ _ Hf) Hy Hz (flt_b_format _ _ Hh) O) as (p & e & k & Hp & -> & E1 & E2 & E3 & E4).
    eexists; apply bev_add with (1 := Hp) (2 := Hz); assumption.
  - destruct (flt_fused _ _ _ _ _ _ _ _ _ (flt_aev _ _ Hf) Hy Hz (flt_b_format _ _ Hh) O) as (p & e & k & Hp & -> & E1 & E2 & E3 & E4).
    rewrite (Rplus_comm p z); eexists; apply bev_add with (1 := Hz) (2 := Hp); try assumption; rewrite Rplus_comm; assumption.
Qed.

Hypothesis a_le : forall i, Rabs (a i) <= aH i.
Hypothesis b_le : forall s, Rabs (b s) <= bH s.

(** Any formula with products in order; [r]: a cut, free. *)
Theorem in_order_bound t y x r : in_order t y -> flt_b y x -> (r <= t)%nat ->
  let u := in_order_kicks km kp aH t in let m := Mh_t t aH bH + u in let n := INR t in
  let q := 1 + v in let E := Rabs (x - scan a b t) in
  E <= q ^ t * W_t t v aH bH - M_t t a b + q ^ (2 * t) * u /\
  E <= W_t t v aH bH - M_t t a b + q ^ (2 * t) * Rmin (n * v * m)
    ((1 + n * v) * (INR (t - r) * v * m + prodl aH (seq (S r) (t - r)) * scan aH bH r + u) - v * m) + q ^ (2 * t) * u.
Proof.
  intros O F Hr u m n q E; destruct (flt_bev _ _ F) as (c & B).
  pose proof (in_order_unambiguous _ _ O) as U; pose proof (in_order_excess km kp (kmul_pos _ _ _) (kadd_pos _ _ _) a aH bH a_le t y O) as X.
  split.
  - apply (unambiguous_bound1 t y U v km kp a aH b bH (v_pos _) (kmul_pos _ _ _) (kadd_pos _ _ _) a_le b_le u X x c B).
  - apply (unambiguous_bound2 t y U v km kp a aH b bH (v_pos _) (v_le1 _) (kmul_pos _ _ _) (kadd_pos _ _ _) a_le b_le u X x c r B Hr).
Qed.
End Float.

(** ** The bound of bracketings does not hold *)
Section Exceeds.
Variable choice : Z -> bool.
Local Instance prec24 : Prec_gt_0 24 := eq_refl.
Notation eta := (eta (-149)).
Notation op := (op 24 (-149) choice false).

(** h_0 = eta; a = 1/2 + 2^-12, b = eta; the same a, b = 0. *)
Definition wit_a := 4098 / 8192.
Lemma wit_a_le : Rabs wit_a <= wit_a. Proof. unfold wit_a; rewrite Rabs_pos_eq; lra. Qed.
Lemma eta_le : Rabs eta <= eta. Proof. rewrite Rabs_pos_eq; [lra|apply bpow_ge_0]. Qed.
Lemma zero_le : Rabs 0 <= 0. Proof. rewrite Rabs_R0; lra. Qed.
Definition never B : true = false -> B = 0. Proof. discriminate. Defined.
Definition witness : list leaf :=
  [Leaf_data wit_a 0 wit_a 0 wit_a 0 true true wit_a_le zero_le (Rle_refl _) (Rle_refl _) (never 0);
   Leaf_data wit_a eta wit_a eta wit_a eta true true wit_a_le eta_le (Rle_refl _) (Rle_refl _) (never eta);
   Leaf_data 0 eta 0 eta 0 eta true true zero_le eta_le (Rle_refl _) (Rle_refl _) (never eta)].
Definition wa (i : nat) := wit_a.
Definition wb (s : nat) := match s with 0%nat | 1%nat => eta | _ => 0 end.

Lemma eta_multiple r : format 24 (-149) r -> exists k, r = IZR k * eta.
Proof.
  intros F; destruct (FLT_format_generic radix2 (-149) 24 r F) as [[m e] E _ He]; simpl in He.
  exists (m * Zpower radix2 (e - -149))%Z; rewrite E, mult_IZR, IZR_Zpower by lia; unfold F2R, RoundingIEEE.eta; simpl Fnum; simpl Fexp.
  rewrite Rmult_assoc, <- bpow_plus; do 2 f_equal; lia.
Qed.

Lemma format_eta : format 24 (-149) eta.
Proof. apply generic_format_FLT_bpow; [reflexivity|lia]. Qed.

Lemma rounds_to_eta : op (wit_a * eta) eta.
Proof.
  left; symmetry; pose proof (bpow_gt_0 radix2 (-149)) as He; fold eta in He.
  set (x := wit_a * eta); destruct (round_N_pt radix2 (fexp 24 (-149)) choice x) as [F Near]; fold (RN 24 (-149) choice x) in *.
  destruct (eta_multiple _ F) as (k & E); specialize (Near eta format_eta); rewrite E in *.
  assert (Hx : x = 4098 / 8192 * eta) by reflexivity; rewrite Hx in Near.
  replace (eta - 4098 / 8192 * eta) with (4094 / 8192 * eta) in Near by field.
  replace (IZR k * eta - 4098 / 8192 * eta) with ((IZR k - 4098 / 8192) * eta) in Near by ring.
  rewrite !Rabs_mult in Near; rewrite (Rabs_pos_eq eta) in Near by lra; rewrite (Rabs_pos_eq (4094 / 8192)) in Near by lra.
  apply Rmult_le_reg_r, Rabs_le_inv in Near; [|exact He].
  assert (0 < IZR k < 2) as [K1 K2] by lra; apply (lt_IZR 0) in K1; apply (lt_IZR k 2) in K2.
  replace k with 1%Z by lia; ring.
Qed.

(** Any products in order of time do; this is the sum over s. *)
Lemma computed : flt_b 24 (-149) choice false wa wa wb wb (ordered_sum 2 2) (2 * eta).
Proof.
  assert (A : forall i, flt_a 24 (-149) choice false wa wa (AVar i) wit_a).
  { intros i; constructor; unfold wa; rewrite Rminus_diag_eq, Rabs_R0, (Rabs_pos_eq wit_a) by (unfold wit_a; lra || reflexivity); lra. }
  assert (B : forall s, (s <= 1)%nat -> flt_b 24 (-149) choice false wa wa wb wb (BVar s) eta).
  { intros s Hs; assert (E : wb s = eta) by (destruct s as [|[|s]]; [reflexivity|reflexivity|lia]).
    constructor; [rewrite E, Rminus_diag_eq, Rabs_R0, Rabs_pos_eq by (reflexivity || apply bpow_ge_0); lra|apply format_eta]. }
  assert (C : flt_b 24 (-149) choice false wa wa wb wb (BVar 2) 0).
  { constructor; [unfold wb; rewrite Rminus_diag_eq, Rabs_R0 by reflexivity; lra|apply format_0]. }
  assert (F2 : format 24 (-149) (2 * eta)).
  { replace (2 * eta) with (bpow radix2 (-148)) by (unfold RoundingIEEE.eta; change (-148)%Z with (1 + -149)%Z; rewrite bpow_plus; reflexivity).
    apply generic_format_FLT_bpow; [reflexivity|lia]. }
  assert (E2 : forall x, x = 2 * eta -> op x (2 * eta)).
  { intros x ->; left; symmetry; apply round_generic; [apply valid_rnd_N|exact F2]. }
  apply flt_b_add with (x := 2 * eta) (y := 0); [|exact C|apply E2; ring].
  apply flt_b_add with (x := eta) (y := eta); [| |apply E2; ring].
  - apply flt_b_mul with (x := wit_a) (y := eta); [apply A| |apply rounds_to_eta].
    apply flt_b_mul with (x := wit_a) (y := eta); [apply A|apply B; lia|apply rounds_to_eta].
  - apply flt_b_mul with (x := wit_a) (y := eta); [apply A|apply B; lia|apply rounds_to_eta].
Qed.

Lemma format_wit_a : format 24 (-149) wit_a.
Proof.
  apply generic_format_FLT; exists (Float radix2 2049 (-12)); [|simpl; lia|simpl; lia].
  unfold F2R, wit_a; simpl; lra.
Qed.

Theorem quadratic_exceeds : exists y x, in_order 2 y /\ flt_b 24 (-149) choice false wa wa wb wb y x /\
  hx witness = scan wa wb 2 /\ format 24 (-149) wit_a /\
  E1 (v 24) witness + Gamma (v 24) witness * Uf (kmul 24 (-149) false) (kadd 24 (-149) false) 0 witness < Rabs (x - hx witness).
Proof.
  exists (ordered_sum 2 2), (2 * eta).
  pose proof (bpow_gt_0 radix2 (-149)) as He; fold eta in He.
  assert (Hs : eta <= / 1024).
  { apply Rle_trans with (bpow radix2 (-10)); [apply bpow_le; lia|simpl; lra]. }
  assert (Hx : hx witness = (wit_a * wit_a + wit_a) * eta) by (unfold witness; simpl; ring).
  split; [apply quadratic_in_order|split; [apply computed|split; [rewrite Hx; unfold wa, wb; simpl; ring|split; [apply format_wit_a|]]]].
  rewrite Hx; replace (2 * eta - (wit_a * wit_a + wit_a) * eta) with ((2 - wit_a * wit_a - wit_a) * eta) by ring.
  rewrite Rabs_pos_eq by (apply Rmult_le_pos; unfold wit_a; lra).
  assert (HE : E1 (v 24) witness = (1 + v 24) ^ 2 * (((1 + v 24) * wit_a * ((1 + v 24) * wit_a + 1)) * eta) - (wit_a * wit_a + wit_a) * eta).
  { unfold E1, witness; cbn [nz RoundingLists.Wm Mb bit lz lm ma mb lA lB Nat.add Nat.pred]; unfold q; ring. }
  assert (HG : Gamma (v 24) witness = (1 + v 24) ^ 5) by (unfold Gamma, witness; simpl; unfold q; ring).
  assert (HU : Uf (kmul 24 (-149) false) (kadd 24 (-149) false) 0 witness <= eta + 2 * (eta * eta)).
  { unfold Uf, Xf, witness, kmul, kadd; cbn [XG Sf fst snd length lA lB RoundingLists.Mh]; unfold kb, ka0; simpl INR.
    assert (M1 : Rmax 1 (wit_a * 1) = 1) by (apply Rmax_left; unfold wit_a; lra); rewrite M1, M1.
    set (g := Rmax (eta + 0) _).
    assert (Hg : 0 <= g <= 3 * eta).
    { unfold g; split; [apply Rle_trans with (2 := Rmax_l _ _); lra|].
      apply Rmax_lub; [lra|]; unfold wit_a; lra. }
    assert (Hm : Rmax (wit_a * Rmax (wit_a * 0) (eta + 0)) g <= 3 * eta).
    { apply Rmax_lub; [|lra]; assert (Rmax (wit_a * 0) (eta + 0) <= eta) by (apply Rmax_lub; lra).
      apply Rle_trans with (wit_a * eta); [apply Rmult_le_compat_l; [unfold wit_a; lra|assumption]|unfold wit_a; lra]. }
    pose proof (Rmult_le_compat_l (/ 2 * eta) _ _ ltac:(lra) Hm); pose proof (Rmult_le_pos eta eta); lra. }
  assert (Hee : eta * eta <= / 1024 * eta) by (apply Rmult_le_compat_r; lra).
  rewrite HE, HG, v_binary32.
  apply Rle_lt_trans with ((1 + / 16777217) ^ 2 * (((1 + / 16777217) * wit_a * ((1 + / 16777217) * wit_a + 1)) * eta)
    - (wit_a * wit_a + wit_a) * eta + (1 + / 16777217) ^ 5 * ((1 + / 512) * eta)).
  - apply Rplus_le_compat_l, Rmult_le_compat_l; [lra|]; lra.
  - unfold wit_a; lra.
Qed.
End Exceeds.
