(** Elementary functions from their declared relative error.

    Main results: [exp_rule], [log1p_rule], [softplus_rule] (log1p form), [softplus_naive_rule] (log (1 + e^x)),
    [sigmoid_rule], [silu_quotient_rule], [expm1_rule]: what an inexact argument and an implementation with a given
    relative error do to the value. The relative errors (figures in ulps) are the contract's; nothing is said
    of how exp is computed. Underflow is an absolute loss [tau]: in [exp_rule], [expm1_rule], [softplus_underflow_rule],
    [sigmoid_underflow_rule]. [softplus_identity_rule]: the branch that returns its argument.
    Depends on: the standard library. *)
From Coq Require Import Reals Lra Psatz.
Open Scope R_scope.

Lemma abs_between x y : Rabs x <= y -> - y <= x <= y.
Proof. pose proof (Rle_abs x); pose proof (Rle_abs (- x)); rewrite Rabs_Ropp in *; lra. Qed.

Lemma exp_ge_1 x : 0 <= x -> 1 <= exp x.
Proof. intros [H|<-]; [left; rewrite <- exp_0; apply exp_increasing; exact H|rewrite exp_0; lra]. Qed.

Lemma exp_le x y : x <= y -> exp x <= exp y.
Proof. intros [H|<-]; [left; apply exp_increasing; exact H|lra]. Qed.

Lemma exp_near d e : Rabs d <= e -> Rabs (exp d - 1) <= exp e - 1.
Proof.
  intros H; apply abs_between in H; destruct H as [H1 H2].
  pose proof (exp_le _ _ H2) as U; pose proof (exp_le _ _ H1) as L; pose proof (exp_pos e) as P.
  assert (2 <= exp e + exp (- e)).
  { rewrite exp_Ropp; assert (0 < / exp e) by (apply Rinv_0_lt_compat; exact P).
    assert (exp e * / exp e = 1) by (apply Rinv_r, Rgt_not_eq; lra).
    assert (0 <= (exp e - 1) * (exp e - 1)) by apply Rle_0_sqr.
    apply Rmult_le_reg_r with (exp e); [exact P|]; lra. }
  apply Rabs_le; lra.
Qed.

Lemma near_le x xh e : 0 < x -> Rabs (xh - x) <= e * x -> (1 - e) * x <= xh <= (1 + e) * x.
Proof. intros Hx H; apply abs_between in H; lra. Qed.

Theorem exp_rule z zh ez eps tau eh : Rabs (zh - z) <= ez -> 0 <= eps ->
  Rabs (eh - exp zh) <= eps * exp zh + tau ->
  Rabs (eh - exp z) <= exp z * ((1 + eps) * exp ez - 1) + tau.
Proof.
  intros Hz He H; pose proof (exp_near _ _ Hz) as N; pose proof (exp_pos z) as P.
  assert (E : exp zh = exp z * exp (zh - z)) by (rewrite <- exp_plus; f_equal; ring).
  assert (Hm : Rabs (exp zh - exp z) <= exp z * (exp ez - 1)).
  { rewrite E; replace (exp z * exp (zh - z) - exp z) with (exp z * (exp (zh - z) - 1)) by ring.
    rewrite Rabs_mult, (Rabs_pos_eq (exp z)) by lra; apply Rmult_le_compat_l; lra. }
  assert (Hs : exp zh <= exp z * exp ez) by (apply abs_between in Hm; lra).
  replace (eh - exp z) with ((eh - exp zh) + (exp zh - exp z)) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _); pose proof (Rmult_le_compat_l _ _ _ He Hs); lra.
Qed.

Lemma ln_diff a b : 0 < a -> 0 < b -> ln b - ln a <= (b - a) / a.
Proof.
  intros Ha Hb; assert (Hq : 0 < b / a) by (apply Rdiv_lt_0_compat; assumption).
  assert (ln b - ln a = ln (b / a)) as ->.
  { unfold Rdiv; rewrite ln_mult, ln_Rinv; [ring|exact Ha|exact Hb|apply Rinv_0_lt_compat; exact Ha]. }
  replace ((b - a) / a) with (b / a - 1) by (field; lra).
  pose proof (exp_ineq1_le (ln (b / a))); rewrite exp_ln in H by exact Hq; lra.
Qed.

Lemma ln_pos s : 1 < s -> 0 <= ln s.
Proof. intros H; rewrite <- ln_1; left; apply ln_increasing; lra. Qed.

(** sigma = t / (1 + t). *)
Theorem log1p_rule t th rho : 0 < t -> 0 <= rho < 1 -> Rabs (th - t) <= rho * t ->
  Rabs (ln (1 + th) - ln (1 + t)) <= rho / (1 - rho) * (t / (1 + t)).
Proof.
  intros Ht Hr H; destruct (near_le _ _ _ Ht H) as [L U]; apply abs_between in H.
  assert (Hth : 0 <= th) by (apply Rle_trans with (2 := L), Rmult_le_pos; lra).
  assert (Hs : 0 < t / (1 + t)) by (apply Rdiv_lt_0_compat; lra).
  assert (K : rho * t / ((1 - rho) * (1 + t)) = rho / (1 - rho) * (t / (1 + t))) by (field; lra).
  rewrite <- K.
  assert (Hrt : 0 <= rho * t) by (apply Rmult_le_pos; lra).
  assert (HD : 0 < (1 - rho) * (1 + t)) by (apply Rmult_lt_0_compat; lra).
  apply Rabs_le; split.
  - assert (ln (1 + t) - ln (1 + th) <= rho * t / ((1 - rho) * (1 + t))); [|lra].
    apply Rle_trans with (1 := ln_diff (1 + th) (1 + t) ltac:(lra) ltac:(lra)).
    apply Rle_trans with (rho * t / (1 + th)).
    + unfold Rdiv; apply Rmult_le_compat_r; [left; apply Rinv_0_lt_compat; lra|lra].
    + unfold Rdiv; apply Rmult_le_compat_l; [exact Hrt|apply Rinv_le_contravar; [exact HD|]].
      assert (0 <= rho * 1) by lra; lra.
  - apply Rle_trans with (1 := ln_diff (1 + t) (1 + th) ltac:(lra) ltac:(lra)).
    apply Rle_trans with (rho * t / (1 + t)).
    + unfold Rdiv; apply Rmult_le_compat_r; [left; apply Rinv_0_lt_compat; lra|lra].
    + unfold Rdiv; apply Rmult_le_compat_l; [exact Hrt|apply Rinv_le_contravar; [exact HD|]].
      assert (0 <= rho * (1 + t)) by (apply Rmult_le_pos; lra); lra.
Qed.

(** An implementation of relative error [epsl] on top: log1p of the computed e^x. *)
Theorem softplus_rule x th rho epsl lh : 0 <= rho < 1 -> 0 <= epsl -> Rabs (th - exp x) <= rho * exp x ->
  Rabs (lh - ln (1 + th)) <= epsl * Rabs (ln (1 + th)) ->
  let D := rho / (1 - rho) * (exp x / (1 + exp x)) in
  Rabs (lh - ln (1 + exp x)) <= D + epsl * (ln (1 + exp x) + D).
Proof.
  intros Hr He Ht Hl D; pose proof (log1p_rule (exp x) th rho (exp_pos x) Hr Ht) as H; fold D in H.
  assert (P : 0 <= ln (1 + exp x)) by (apply ln_pos; pose proof (exp_pos x); lra).
  assert (Rabs (ln (1 + th)) <= ln (1 + exp x) + D).
  { replace (ln (1 + th)) with ((ln (1 + th) - ln (1 + exp x)) + ln (1 + exp x)) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _); rewrite (Rabs_pos_eq (ln (1 + exp x))) by exact P; lra. }
  replace (lh - ln (1 + exp x)) with ((lh - ln (1 + th)) + (ln (1 + th) - ln (1 + exp x))) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _); pose proof (Rmult_le_compat_l _ _ _ He H0); lra.
Qed.

(** ln of a number with a relative error: log (1 + e^x) rounds 1 + e^x first. *)
Lemma ln_relative s d v : 0 < s -> 0 <= v < 1 -> Rabs d <= v -> Rabs (ln (s * (1 + d)) - ln s) <= v / (1 - v).
Proof.
  intros Hs Hv Hd; apply abs_between in Hd.
  assert (0 < 1 + d) by lra; rewrite ln_mult by lra.
  replace (ln s + ln (1 + d) - ln s) with (ln (1 + d)) by ring.
  assert (I : 1 <= / (1 - v)) by (rewrite <- Rinv_1 at 1; apply Rinv_le_contravar; lra).
  assert (Hw : v <= v / (1 - v)) by (unfold Rdiv; rewrite <- (Rmult_1_r v) at 1; apply Rmult_le_compat_l; lra).
  pose proof (ln_diff 1 (1 + d) ltac:(lra) ltac:(lra)) as U; pose proof (ln_diff (1 + d) 1 ltac:(lra) ltac:(lra)) as L.
  rewrite ln_1 in *; apply Rabs_le; split.
  - assert ((1 - (1 + d)) / (1 + d) <= v / (1 - v)); [|lra].
    unfold Rdiv; destruct (Rle_or_lt 0 d).
    + apply Rle_trans with 0; [|lra].
      replace ((1 - (1 + d)) * / (1 + d)) with (- (d * / (1 + d))) by ring.
      assert (0 <= d * / (1 + d)) by (apply Rmult_le_pos; [lra|left; apply Rinv_0_lt_compat; lra]); lra.
    + apply Rmult_le_compat; [lra|left; apply Rinv_0_lt_compat; lra|lra|apply Rinv_le_contravar; lra].
  - unfold Rdiv in U; rewrite Rinv_1 in U; lra.
Qed.

Theorem softplus_naive_rule x th d rho v epsl lh : 0 <= rho < 1 -> 0 <= v < 1 -> 0 <= epsl ->
  Rabs (th - exp x) <= rho * exp x -> Rabs d <= v ->
  Rabs (lh - ln ((1 + th) * (1 + d))) <= epsl * Rabs (ln ((1 + th) * (1 + d))) ->
  let D := rho / (1 - rho) * (exp x / (1 + exp x)) + v / (1 - v) in
  Rabs (lh - ln (1 + exp x)) <= D + epsl * (ln (1 + exp x) + D).
Proof.
  intros Hr Hv He Ht Hd Hl D; pose proof (exp_pos x) as P.
  pose proof (log1p_rule (exp x) th rho P Hr Ht) as H1; destruct (near_le _ _ _ P Ht) as [L _].
  assert (Hth : 0 <= th) by (apply Rle_trans with (2 := L), Rmult_le_pos; lra).
  pose proof (ln_relative (1 + th) d v ltac:(lra) Hv Hd) as H2.
  assert (H : Rabs (ln ((1 + th) * (1 + d)) - ln (1 + exp x)) <= D).
  { replace (ln ((1 + th) * (1 + d)) - ln (1 + exp x))
      with ((ln ((1 + th) * (1 + d)) - ln (1 + th)) + (ln (1 + th) - ln (1 + exp x))) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _); unfold D; lra. }
  assert (P1 : 0 <= ln (1 + exp x)) by (apply ln_pos; lra).
  set (w := ln ((1 + th) * (1 + d))) in *.
  assert (Rabs w <= ln (1 + exp x) + D).
  { replace w with ((w - ln (1 + exp x)) + ln (1 + exp x)) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _); rewrite (Rabs_pos_eq (ln (1 + exp x))) by exact P1; lra. }
  replace (lh - ln (1 + exp x)) with ((lh - w) + (w - ln (1 + exp x))) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _); pose proof (Rmult_le_compat_l _ _ _ He H0); lra.
Qed.

(** sigma(z) = 1 / (1 + e^-z), the exponential with relative error rho, the sum v, the quotient epsd. *)
Definition sigma z := / (1 + exp (- z)).
Definition sigma_loss rho v epsd s := (1 + epsd) / ((1 - rho * (1 - s)) * (1 - v)) - 1.

(** s (1 + t) is 1 up to gamma: everything after the exponential. *)
Lemma reciprocal_rule s th d k gamma v epsd : 0 < s -> 0 <= gamma < 1 -> 0 <= v < 1 -> 0 <= epsd < 1 ->
  Rabs (s * (1 + th) - 1) <= gamma -> Rabs d <= v -> Rabs k <= epsd ->
  Rabs (/ ((1 + th) * (1 + d)) * (1 + k) - s) <= s * ((1 + epsd) / ((1 - gamma) * (1 - v)) - 1).
Proof.
  intros Hs Hga Hv Hq Ht Hd Hk; apply abs_between in Ht; apply abs_between in Hd; apply abs_between in Hk.
  set (g := 1 - gamma); assert (Hg : 0 < g <= 1) by (unfold g; lra).
  (* (1 + th)(1 + d) = w / s with w between (1 - v) g and (1 + v) (2 - g) *)
  set (w := s * (1 + th) * (1 + d)).
  assert (W1 : g <= s * (1 + th) <= 2 - g) by (unfold g; lra).
  assert (Hth : 0 < 1 + th) by (apply Rmult_lt_reg_l with s; lra).
  assert (Ew : / ((1 + th) * (1 + d)) = s * / w) by (unfold w; field; repeat split; lra).
  assert (Wlo : g * (1 - v) <= w) by (unfold w; apply Rmult_le_compat; lra).
  assert (Whi : w <= (2 - g) * (1 + v)) by (unfold w; apply Rmult_le_compat; lra).
  assert (G0 : 0 < g * (1 - v)) by (apply Rmult_lt_0_compat; lra).
  assert (Iw : / w <= / (g * (1 - v))) by (apply Rinv_le_contravar; lra).
  assert (Iw0 : 0 < / w) by (apply Rinv_0_lt_compat; lra).
  rewrite Ew; replace (s * / w * (1 + k) - s) with (s * (/ w * (1 + k) - 1)) by ring.
  rewrite Rabs_mult, (Rabs_pos_eq s) by lra; apply Rmult_le_compat_l; [lra|].
  fold g; unfold Rdiv; rewrite (Rmult_comm (1 + epsd)).
  assert (Hup : / w * (1 + k) <= / (g * (1 - v)) * (1 + epsd)) by (apply Rmult_le_compat; lra).
  apply Rabs_le; split; [|lra].
  (* below: 2 <= x + 1/x *)
  assert (Hlo : (1 - epsd) * / ((2 - g) * (1 + v)) <= / w * (1 + k)).
  { rewrite (Rmult_comm (/ w)); apply Rmult_le_compat; try lra.
    - left; apply Rinv_0_lt_compat; apply Rmult_lt_0_compat; lra.
    - apply Rinv_le_contravar; lra. }
  assert (A : (2 - g) * g <= 1) by nra; assert (B : (1 + v) * (1 - v) <= 1) by nra.
  set (x := / (g * (1 - v))); set (y := / ((2 - g) * (1 + v))).
  assert (Hy : g * (1 - v) <= y).
  { unfold y; apply Rmult_le_reg_r with ((2 - g) * (1 + v)); [apply Rmult_lt_0_compat; lra|].
    rewrite Rinv_l by (apply Rgt_not_eq, Rmult_lt_0_compat; lra).
    replace (g * (1 - v) * ((2 - g) * (1 + v))) with (((2 - g) * g) * ((1 + v) * (1 - v))) by ring.
    rewrite <- (Rmult_1_r 1); apply Rmult_le_compat; try lra; apply Rmult_le_pos; lra. }
  assert (Hxp : x * (g * (1 - v)) = 1) by (apply Rinv_l, Rgt_not_eq; lra).
  assert (Hx1 : 1 <= x).
  { unfold x; rewrite <- Rinv_1 at 1; apply Rinv_le_contravar; [exact G0|].
    rewrite <- (Rmult_1_r 1); apply Rmult_le_compat; lra. }
  fold x; fold y in Hlo.
  assert (2 <= x + g * (1 - v)) by nra.
  assert (0 <= epsd * (x - y)).
  { apply Rmult_le_pos; [lra|]; assert (y <= 1); [|lra].
    unfold y; rewrite <- Rinv_1; apply Rinv_le_contravar; [lra|].
    rewrite <- (Rmult_1_r 1) at 1; apply Rmult_le_compat; lra. }
  lra.
Qed.

Lemma sigma_pos z : 0 < sigma z < 1 /\ 1 - sigma z = sigma z * exp (- z).
Proof.
  pose proof (exp_pos (- z)); unfold sigma; set (t := exp (- z)) in *.
  assert (0 < / (1 + t)) by (apply Rinv_0_lt_compat; lra).
  assert (E : / (1 + t) * (1 + t) = 1) by (apply Rinv_l, Rgt_not_eq; lra).
  pose proof (Rmult_lt_0_compat _ _ H0 H); lra.
Qed.

(** [tau]: what the exponential can lose where it underflows; 0 elsewhere. *)
Theorem sigmoid_underflow_rule z th d k rho tau v epsd (s := sigma z) (gamma := rho * (1 - s) + tau * s) :
  gamma < 1 -> 0 <= rho -> 0 <= tau -> 0 <= v < 1 -> 0 <= epsd < 1 ->
  Rabs (th - exp (- z)) <= rho * exp (- z) + tau -> Rabs d <= v -> Rabs k <= epsd ->
  Rabs (/ ((1 + th) * (1 + d)) * (1 + k) - s) <= s * ((1 + epsd) / ((1 - gamma) * (1 - v)) - 1).
Proof.
  intros Hg Hr Ht0 Hv Hq Ht Hd Hk; destruct (sigma_pos z) as [[S0 S1] E1]; fold s in S0, S1, E1.
  apply reciprocal_rule; auto.
  - split; [|exact Hg]; unfold gamma; pose proof (Rmult_le_pos tau s Ht0); pose proof (Rmult_le_pos rho (1 - s) Hr); lra.
  - replace (s * (1 + th) - 1) with (s * (th - exp (- z))) by lra.
    rewrite Rabs_mult, (Rabs_pos_eq s) by lra; unfold gamma; rewrite E1.
    pose proof (Rmult_le_compat_l s _ _ ltac:(lra) Ht); lra.
Qed.

Theorem sigmoid_rule z th d k rho v epsd : 0 <= rho < 1 -> 0 <= v < 1 -> 0 <= epsd < 1 ->
  Rabs (th - exp (- z)) <= rho * exp (- z) -> Rabs d <= v -> Rabs k <= epsd ->
  Rabs (/ ((1 + th) * (1 + d)) * (1 + k) - sigma z) <= sigma z * sigma_loss rho v epsd (sigma z).
Proof.
  intros Hr Hv Hq Ht Hd Hk; destruct (sigma_pos z) as [[S0 S1] _].
  assert (rho * (1 - sigma z) <= 1 * (1 - sigma z)) by (apply Rmult_le_compat_r; lra).
  pose proof (sigmoid_underflow_rule z th d k rho 0 v epsd) as B; cbv zeta in B; rewrite Rmult_0_l, !Rplus_0_r in B.
  apply B; lra.
Qed.

(** z sigma(z) as the quotient z / (1 + e^-z): no rounding beyond those of sigma. *)
Theorem silu_quotient_rule z th d k rho v epsd : 0 <= rho < 1 -> 0 <= v < 1 -> 0 <= epsd < 1 ->
  Rabs (th - exp (- z)) <= rho * exp (- z) -> Rabs d <= v -> Rabs k <= epsd ->
  Rabs (z / ((1 + th) * (1 + d)) * (1 + k) - z * sigma z) <= Rabs z * sigma z * sigma_loss rho v epsd (sigma z).
Proof.
  intros Hr Hv Hq Ht Hd Hk; pose proof (sigmoid_rule z th d k rho v epsd Hr Hv Hq Ht Hd Hk) as B.
  unfold Rdiv; replace (z * / ((1 + th) * (1 + d)) * (1 + k) - z * sigma z)
    with (z * (/ ((1 + th) * (1 + d)) * (1 + k) - sigma z)) by ring.
  rewrite Rabs_mult, Rmult_assoc; apply Rmult_le_compat_l; [apply Rabs_pos|exact B].
Qed.

(** ** exp (z) - 1 *)
Theorem expm1_rule z zh ez eps tau eh : Rabs (zh - z) <= ez -> 0 <= eps ->
  Rabs (eh - (exp zh - 1)) <= eps * Rabs (exp zh - 1) + tau ->
  let D := exp z * (exp ez - 1) in Rabs (eh - (exp z - 1)) <= D + eps * (Rabs (exp z - 1) + D) + tau.
Proof.
  intros Hz He H D; pose proof (exp_near _ _ Hz) as N; pose proof (exp_pos z) as P.
  assert (Hm : Rabs ((exp zh - 1) - (exp z - 1)) <= D).
  { replace ((exp zh - 1) - (exp z - 1)) with (exp z * (exp (zh - z) - 1)).
    - rewrite Rabs_mult, (Rabs_pos_eq (exp z)) by lra; unfold D; apply Rmult_le_compat_l; lra.
    - rewrite Rmult_minus_distr_l, <- exp_plus; replace (z + (zh - z)) with zh by ring; ring. }
  assert (S : Rabs (exp zh - 1) <= Rabs (exp z - 1) + D).
  { replace (exp zh - 1) with ((exp z - 1) + ((exp zh - 1) - (exp z - 1))) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _); lra. }
  replace (eh - (exp z - 1)) with ((eh - (exp zh - 1)) + ((exp zh - 1) - (exp z - 1))) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _); pose proof (Rmult_le_compat_l _ _ _ He S); lra.
Qed.

(** ** Softplus at its ends *)
(** An exponential that may underflow by [tau], a logarithm by [tau2]. *)
Theorem softplus_underflow_rule x th rho tau epsl tau2 lh : 0 <= rho < 1 -> 0 <= tau -> 0 <= epsl -> 0 <= th ->
  Rabs (th - exp x) <= rho * exp x + tau -> Rabs (lh - ln (1 + th)) <= epsl * Rabs (ln (1 + th)) + tau2 ->
  let D := rho / (1 - rho) * (exp x / (1 + exp x)) + tau in
  Rabs (lh - ln (1 + exp x)) <= D + epsl * (ln (1 + exp x) + D) + tau2.
Proof.
  intros Hr Ht0 He Hth Ht Hl D; pose proof (exp_pos x) as P.
  assert (Hrt : 0 <= rho * exp x) by (apply Rmult_le_pos; lra).
  (* th in two steps: t is where the relative error alone would leave it *)
  set (t := Rmin (Rmax th ((1 - rho) * exp x)) ((1 + rho) * exp x)).
  assert (Hrt1 : (1 - rho) * exp x <= (1 + rho) * exp x) by lra.
  assert (T1 : Rabs (t - exp x) <= rho * exp x).
  { unfold t; apply Rabs_le; unfold Rmin, Rmax; repeat destruct Rle_dec; lra. }
  assert (T2 : Rabs (th - t) <= tau).
  { apply abs_between in Ht; unfold t; apply Rabs_le; unfold Rmin, Rmax; repeat destruct Rle_dec; lra. }
  assert (T0 : 0 <= t).
  { assert (0 <= (1 - rho) * exp x) by (apply Rmult_le_pos; lra).
    unfold t, Rmin, Rmax; repeat destruct Rle_dec; lra. }
  pose proof (log1p_rule (exp x) t rho P Hr T1) as H1.
  assert (Flat : forall y y', 0 <= y -> 0 <= y' -> ln (1 + y') - ln (1 + y) <= Rabs (y' - y)).
  { intros y y' Hy Hy'; destruct (Rle_or_lt y' y) as [L|L].
    - assert (ln (1 + y') <= ln (1 + y)); [|pose proof (Rabs_pos (y' - y)); lra].
      destruct L as [L| ->]; [left; apply ln_increasing; lra|lra].
    - apply Rle_trans with (1 := ln_diff (1 + y) (1 + y') ltac:(lra) ltac:(lra)).
      rewrite Rabs_pos_eq by lra; replace (1 + y' - (1 + y)) with (y' - y) by ring.
      apply Rmult_le_reg_r with (1 + y); [lra|]; unfold Rdiv; rewrite Rmult_assoc, Rinv_l by lra.
      assert (0 <= (y' - y) * y) by (apply Rmult_le_pos; lra); lra. }
  assert (H2 : Rabs (ln (1 + th) - ln (1 + t)) <= tau).
  { pose proof (Flat t th T0 Hth); pose proof (Flat th t Hth T0); rewrite (Rabs_minus_sym t th) in *; apply Rabs_le; lra. }
  assert (P1 : 0 <= ln (1 + exp x)) by (apply ln_pos; lra).
  assert (H : Rabs (ln (1 + th) - ln (1 + exp x)) <= D).
  { replace (ln (1 + th) - ln (1 + exp x)) with ((ln (1 + th) - ln (1 + t)) + (ln (1 + t) - ln (1 + exp x))) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _); unfold D; lra. }
  assert (S : Rabs (ln (1 + th)) <= ln (1 + exp x) + D).
  { replace (ln (1 + th)) with ((ln (1 + th) - ln (1 + exp x)) + ln (1 + exp x)) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _); rewrite (Rabs_pos_eq (ln (1 + exp x))) by exact P1; lra. }
  replace (lh - ln (1 + exp x)) with ((lh - ln (1 + th)) + (ln (1 + th) - ln (1 + exp x))) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _); pose proof (Rmult_le_compat_l _ _ _ He S); lra.
Qed.

(** Kernels return x itself above a threshold. *)
Theorem softplus_identity_rule x xh ex T : Rabs (xh - x) <= ex -> T <= xh ->
  Rabs (xh - ln (1 + exp x)) <= ex + exp (- T + ex).
Proof.
  intros Hx HT; pose proof (exp_pos x) as P; pose proof (exp_pos (- x)) as P2; apply abs_between in Hx.
  assert (E : ln (1 + exp x) = x + ln (1 + exp (- x))).
  { rewrite <- (ln_exp x) at 2; rewrite <- ln_mult by lra; f_equal.
    rewrite Rmult_plus_distr_l, <- exp_plus, Rplus_opp_r, exp_0; ring. }
  pose proof (ln_diff 1 (1 + exp (- x)) ltac:(lra) ltac:(lra)) as U; rewrite ln_1 in U.
  assert (0 <= ln (1 + exp (- x))) by (apply ln_pos; lra).
  pose proof (exp_le (- x) (- T + ex) ltac:(lra)).
  rewrite E; unfold Rdiv in U; rewrite Rinv_1 in U; apply Rabs_le; lra.
Qed.
