(** Elementary functions from their declared relative error.

    Main results: [exp_rule], [log1p_rule], [softplus_rule] (log1p form), [softplus_naive_rule] (log (1 + e^x)),
    [sigmoid_rule]: what an inexact argument and an implementation with a given
    relative error do to the value. The relative errors (figures in ulps) are the contract's; nothing is said
    of how exp is computed. Underflow is an absolute loss [tau] in [exp_rule] and elsewhere not included.
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

Theorem sigmoid_rule z th d k rho v epsd : 0 <= rho < 1 -> 0 <= v < 1 -> 0 <= epsd < 1 ->
  Rabs (th - exp (- z)) <= rho * exp (- z) -> Rabs d <= v -> Rabs k <= epsd ->
  Rabs (/ ((1 + th) * (1 + d)) * (1 + k) - sigma z) <= sigma z * sigma_loss rho v epsd (sigma z).
Proof.
  intros Hr Hv Hq Ht Hd Hk; pose proof (exp_pos (- z)) as P; set (t := exp (- z)) in *.
  destruct (near_le _ _ _ P Ht) as [L U]; apply abs_between in Hd; apply abs_between in Hk.
  unfold sigma; fold t; set (s := / (1 + t)).
  assert (Hs : 0 < s) by (apply Rinv_0_lt_compat; lra); assert (Es : s * (1 + t) = 1) by (apply Rinv_l, Rgt_not_eq; lra).
  assert (E1 : 1 - s = s * t) by lra.
  assert (Hst : 0 < s * t) by (apply Rmult_lt_0_compat; lra).
  set (g := 1 - rho * (1 - s)).
  assert (Hg : 0 < g <= 1).
  { unfold g; rewrite E1; assert (s * t <= 1) by lra.
    assert (0 <= rho * (s * t)) by (apply Rmult_le_pos; lra).
    assert (rho * (s * t) <= rho * 1) by (apply Rmult_le_compat_l; lra); lra. }
  (* (1 + th)(1 + d) = w / s with w between (1 - v) g and (1 + v) (2 - g) *)
  set (w := s * (1 + th) * (1 + d)).
  assert (Ew : / ((1 + th) * (1 + d)) = s * / w).
  { assert (0 <= th) by (apply Rle_trans with (2 := L), Rmult_le_pos; lra).
    unfold w; field; repeat split; lra. }
  assert (W1 : g <= s * (1 + th) <= 2 - g).
  { unfold g; rewrite E1; split.
    - apply Rle_trans with (s * (1 + (1 - rho) * t)); [lra|apply Rmult_le_compat_l; lra].
    - apply Rle_trans with (s * (1 + (1 + rho) * t)); [apply Rmult_le_compat_l; lra|lra]. }
  assert (Wlo : g * (1 - v) <= w) by (unfold w; apply Rmult_le_compat; lra).
  assert (Whi : w <= (2 - g) * (1 + v)) by (unfold w; apply Rmult_le_compat; lra).
  assert (G0 : 0 < g * (1 - v)) by (apply Rmult_lt_0_compat; lra).
  assert (Iw : / w <= / (g * (1 - v))) by (apply Rinv_le_contravar; lra).
  assert (Iw0 : 0 < / w) by (apply Rinv_0_lt_compat; lra).
  rewrite Ew; replace (s * / w * (1 + k) - s) with (s * (/ w * (1 + k) - 1)) by ring.
  rewrite Rabs_mult, (Rabs_pos_eq s) by lra; apply Rmult_le_compat_l; [lra|].
  unfold sigma_loss; fold g; unfold Rdiv; rewrite (Rmult_comm (1 + epsd)).
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
