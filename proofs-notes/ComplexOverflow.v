(** Overflow of complex scans: a rule under which no schedule exceeds the largest finite number.

    Main results: [complex_no_overflow]: every value of a bracketing, in modulus; [complex_product_inside], [complex_node_inside],
    [complex_inside_no_overflow]: the products and sums inside a product and inside a node. With P >= every M̂ + Ũ and Smax >= every S (in moduli, with the complex
    kicks κ): if (1 + 2u) Γ (P + κ) <= Ω and Γ A <= Ω, where Smax + t κ Smax A <= A, nothing exceeds Ω.
    Depends on: RoundingWindows, ComplexNode, ComplexTree, ComplexBounds. *)
From Coq Require Import Reals ZArith List Arith Lia Lra Psatz.
From Flocq Require Import Core Relative.
From Coquelicot Require Import Complex.
From Exactscan Require Import RoundingLists RoundingModel RoundingKicks RoundingWindows RoundingIEEE RoundingKernel
  Complex ComplexNode ComplexTree ComplexBounds.
Import ListNotations.
Open Scope R_scope.

Lemma part_le (x y : R) : Rabs x <= norm x y /\ Rabs y <= norm x y.
Proof.
  pose proof (Rmax_Cmod (x, y)) as H; simpl in H; pose proof (Rmax_l (Rabs x) (Rabs y)); pose proof (Rmax_r (Rabs x) (Rabs y)).
  unfold norm; split; lra.
Qed.

Section Overflow.
Variables (prec emin : Z) (choice : Z -> bool) (ftz : bool).
Context {prec_pos : Prec_gt_0 prec}.
Notation op := (op prec emin choice ftz).
Notation format := (format prec emin).
Notation v := (v prec).
Notation u := (u_ro radix2 prec).
Notation km := (complex_kmul prec emin ftz).
Notation kp := (complex_kadd prec emin ftz).
Notation kernel := (complex_kernel prec emin choice ftz).
Hypothesis small : v <= / 4096.

Lemma kicks : 0 <= v /\ 0 <= kmul prec emin ftz /\ 0 <= kadd prec emin ftz /\ 0 <= km /\ 0 <= kp /\ 0 <= u.
Proof.
  destruct (constants prec emin ftz) as (Hv & Hk & Ha & _); pose proof (u_ro_pos radix2 prec).
  unfold complex_kmul, complex_kadd; repeat split; lra.
Qed.

(** Real parts whose products make up a complex product. *)
Definition factor (a b : C) x := exists s t, (s = fst a \/ s = snd a) /\ (t = fst b \/ t = snd b) /\ Rabs x = Rabs s * Rabs t.

Lemma factor_le a b x : factor a b x -> Rabs x <= Cmod a * Cmod b.
Proof.
  intros (s & t & Hs & Ht & ->); destruct (part_le (fst a) (snd a)) as [A1 A2]; destruct (part_le (fst b) (snd b)) as [B1 B2].
  change (norm (fst a) (snd a)) with (Cmod (fst a, snd a)) in *; change (norm (fst b) (snd b)) with (Cmod (fst b, snd b)) in *.
  rewrite <- surjective_pairing in *; apply Rmult_le_compat; try apply Rabs_pos; [destruct Hs as [-> | ->]|destruct Ht as [-> | ->]]; assumption.
Qed.

(** One product, rounded, and one part of the whole product. *)
Theorem complex_product_inside a b x p : factor a b x -> op x p -> Rabs p <= (1 + mu * v) * (Cmod a * Cmod b) + km.
Proof.
  intros F O; destruct kicks as (Hv & Hk & Ha & _); pose proof (factor_le _ _ _ F) as Fx.
  pose proof (sum_near x p _ (op_loses prec emin choice ftz x p O)) as S; pose proof (Rabs_pos x).
  pose proof (Rmult_le_compat_l (1 + v) _ _ ltac:(lra) Fx); pose proof (Rmult_le_pos _ _ Hv (Rle_trans _ _ _ (Rabs_pos x) Fx)).
  unfold mu, complex_kmul; lra.
Qed.

(** A product joined to the summand first. *)
Theorem complex_node_inside a b c x s : factor a b x -> format c -> joined prec emin choice ftz x c s ->
  Rabs s <= (1 + 2 * u) * ((1 + mu * v) * (Cmod a * Cmod b) + km + Rabs c).
Proof.
  intros F Fc J; destruct kicks as (Hv & Hk & Ha & Hkm & _ & Hu); pose proof (factor_le _ _ _ F) as Fx.
  destruct (joined_error prec emin choice ftz x c s Fc J) as (t & e & -> & Ht & He & _ & _).
  pose proof (Rabs_triang x c); pose proof (Rabs_triang (x + c) t); pose proof (Rabs_triang (x + c + t) e).
  pose proof (u_serves prec) as Us; pose proof (Rabs_pos x); pose proof (Rabs_pos c); set (N := Cmod a * Cmod b) in *.
  assert (Hvu : v <= u) by (pose proof (Rmult_le_pos _ _ Hv Hv); lra).
  pose proof (Rmult_le_compat_l _ _ _ Hv H); assert (HN : 0 <= N) by lra.
  pose proof (Rmult_le_compat_r _ _ _ (Rabs_pos c) Hvu); pose proof (Rmult_le_compat_l (1 + 2 * v + v * v) _ _ ltac:(pose proof (Rmult_le_pos _ _ Hv Hv); lra) Fx).
  pose proof (Rmult_le_pos _ _ Hv HN) as VN; pose proof (Rmult_le_compat_r _ _ _ VN small); pose proof (Rmult_le_compat_r _ _ _ Hk small).
  assert (HX : 0 <= (1 + mu * v) * N + km) by (apply Rplus_le_le_0_compat; [apply Rmult_le_pos; unfold mu; lra|exact Hkm]).
  pose proof (Rmult_le_pos _ _ Hu HX); pose proof (Rmult_le_pos _ _ Hu (Rabs_pos c)); unfold mu, complex_kmul in *; lra.
Qed.

(** ** Windows *)
Variables (L : list leaf) (Smax A P Om : R).
Hypothesis all_S : forall ys xs, L = ys ++ xs -> Sf xs <= Smax.
Hypothesis A_large : Smax + INR (length L) * km * Smax * A <= A.
Hypothesis A_pos : 0 <= A.
Hypothesis all_M : forall ys xs, L = ys ++ xs -> Mh xs + Uf km kp 0 xs <= P.
Notation G := (complex_Gamma (mu * v) u L).
Hypothesis Om_P : (1 + 2 * u) * G * (P + km) <= Om.
Hypothesis Om_A : G * A <= Om.

Lemma growth_le t ys xs : L = ys ++ lv (moduli t) ++ xs -> Qc (mu * v) u t <= G.
Proof.
  intros E; destruct kicks as (Hv & _ & _ & _ & _ & Hu); unfold Qc, complex_Gamma, tm, tz; rewrite E, !nm_app, !nz_app.
  apply Rmult_le_compat; [apply pow_le; unfold RoundingLists.q, mu; lra|apply pow_le; lra| |]; apply Rle_pow; unfold RoundingLists.q, mu; try lra; lia.
Qed.

Theorem complex_no_overflow t a b ys xs : L = ys ++ lv (moduli t) ++ xs -> kernel t a b ->
  Cmod b <= Om /\ (xs <> [] -> Cmod a <= Om).
Proof.
  intros E K; destruct kicks as (Hv & Hk & Ha & Hkm & Hkp & Hu); assert (Hmv : 0 <= mu * v) by (unfold mu; lra).
  destruct (complex_kernel_ev prec emin choice ftz small t a b K) as [Ev _]; pose proof (growth_le _ _ _ E) as GL.
  assert (G0 : 1 <= G) by (apply complex_Gamma_ge1; assumption).
  pose proof (BU_pos km kp 0 Hkm Hkp (Rle_refl 0) (moduli t)) as B0; pose proof (AU_pos km 0 Hkm (Rle_refl 0) (moduli t)) as A0; split.
  - apply Rle_trans with (1 := cev_bound _ _ _ _ Hmv Hu Hkm Hkp _ _ _ Ev), Rle_trans with (2 := Om_P).
    assert (B1 : BU km kp 0 (moduli t) <= P) by (apply Rle_trans with (1 := window_b km kp Hkm Hkp (moduli t) xs), (all_M ys), E).
    assert (1 * G <= (1 + 2 * u) * G) by (apply Rmult_le_compat_r; lra).
    apply Rmult_le_compat; try lra; apply Rle_trans with (2 := Qc_ge1 _ _ Hmv Hu t); lra.
  - intros N; pose proof (cdom_abs _ _ _ _ (complex_ev_A _ _ _ _ Hmv Hkm _ _ _ Ev)) as Na.
    apply Rle_trans with (1 := Na), Rle_trans with (2 := Om_A).
    apply Rmult_le_compat; [apply (qn_pos (mu * v) Hmv)|exact A0| |apply (window_a km Hkm L Smax A all_S A_large A_pos _ ys xs N E)].
    apply Rle_trans with (2 := GL); unfold Qc; rewrite <- (Rmult_1_r (_ ^ Nat.pred _)).
    apply Rmult_le_compat; [apply (qn_pos (mu * v) Hmv)|lra|apply (qn_le (mu * v) Hmv); lia|apply (qa_ge1 u Hu)].
Qed.

Theorem complex_inside_no_overflow l r a1 b1 a2 b2 ys xs : L = ys ++ lv (moduli (CNode l r)) ++ xs -> kernel l a1 b1 -> kernel r a2 b2 ->
  (1 + 2 * u) * ((1 + mu * v) * (Cmod a2 * Cmod b1) + km + Cmod b2) <= Om.
Proof.
  intros E Kl Kr; destruct kicks as (Hv & Hk & Ha & Hkm & Hkp & Hu); assert (Hmv : 0 <= mu * v) by (unfold mu; lra).
  destruct (complex_kernel_ev prec emin choice ftz small _ _ _ Kl) as [El _]; destruct (complex_kernel_ev prec emin choice ftz small _ _ _ Kr) as [Er _].
  pose proof (complex_ev_A _ _ _ _ Hmv Hkm _ _ _ Er) as HA.
  pose proof (cev_bound _ _ _ _ Hmv Hu Hkm Hkp _ _ _ El) as HB1; pose proof (cev_bound _ _ _ _ Hmv Hu Hkm Hkp _ _ _ Er) as HB2.
  pose proof (BU_pos km kp 0 Hkm Hkp (Rle_refl 0) (moduli l)) as Bl; pose proof (BU_pos km kp 0 Hkm Hkp (Rle_refl 0) (moduli r)) as Br.
  pose proof (AU_pos km 0 Hkm (Rle_refl 0) (moduli r)) as Ar; pose proof (growth_le _ _ _ E) as GL.
  assert (G0 : 1 <= G) by (apply complex_Gamma_ge1; assumption).
  assert (Hn : forall m n m' n', (m <= m')%nat -> (n <= n')%nat -> q (mu * v) ^ m * (1 + 2 * u) ^ n <= q (mu * v) ^ m' * (1 + 2 * u) ^ n').
  { intros m n m' n' Hm Hnn; apply Rmult_le_compat; [apply (qn_pos (mu * v) Hmv)|apply (qa_pos u Hu)|apply (qn_le (mu * v) Hmv), Hm|].
    apply Rle_pow; [lra|exact Hnn]. }
  assert (GLl : q (mu * v) ^ tm (moduli r) * Qc (mu * v) u l <= G).
  { apply Rle_trans with (2 := GL); unfold Qc; rewrite <- Rmult_assoc, <- pow_add; cbn [moduli]; apply Hn; rewrite ?tm_node, ?tz_node; lia. }
  assert (GLr : Qc (mu * v) u r <= G).
  { apply Rle_trans with (2 := GL); unfold Qc; cbn [moduli]; apply Hn; rewrite ?tm_node, ?tz_node; lia. }
  pose proof (product_csize (mu * v) km Hmv r a2 b1 km _ HA HB1) as X; rewrite Cmod_mult in X.
  pose proof (Rmult_le_compat_r _ _ _ (Rmult_le_pos _ _ Ar Bl) GLl); pose proof (Rmult_le_compat_r _ _ _ Br GLr).
  assert (B1 : BU km kp 0 (moduli (CNode l r)) <= P) by (apply Rle_trans with (1 := window_b km kp Hkm Hkp _ xs), (all_M ys), E).
  cbn [moduli RoundingModel.BU] in B1; pose proof (on_pos (tz (moduli l)) km Hkm); pose proof (on_pos (tz (moduli l) + tz (moduli r)) kp Hkp).
  pose proof (Rmult_le_compat_r km _ _ Hkm G0).
  assert (B2 : AU km 0 (moduli r) * BU km kp 0 (moduli l) + BU km kp 0 (moduli r) + km <= P + km) by lra.
  pose proof (Rmult_le_compat_l G _ _ ltac:(lra) B2) as B3.
  apply Rle_trans with (2 := Om_P); rewrite Rmult_assoc; apply Rmult_le_compat_l; lra.
Qed.
End Overflow.
