(** Sigmoid and softplus in the forms that kernels choose by sign.

    Main results: [sigmoid_numerator_rule]: e^z / (1 + e^z); [softplus_split_rule]: x + log1p(e^-x).
    Depends on: Elementary. *)
From Coq Require Import Reals Lra.
From Exactscan Require Import Elementary.
Open Scope R_scope.

(** sigma(z) as e^z / (1 + e^z), which kernels use for z < 0. *)
Theorem sigmoid_numerator_rule z th d k rho v epsd (s := sigma z) : 0 <= rho < 1 -> 0 <= v < 1 -> 0 <= epsd < 1 ->
  Rabs (th - exp z) <= rho * exp z -> Rabs d <= v -> Rabs k <= epsd ->
  Rabs (th / ((1 + th) * (1 + d)) * (1 + k) - s) <= s * ((1 + rho * (1 - s) / (1 - rho * s)) * ((1 + epsd) / (1 - v)) - 1).
Proof.
  intros Hr Hv Hq Ht Hd Hk; destruct (sigma_pos z) as [[S0 S1] E1]; fold s in S0, S1, E1.
  pose proof (exp_pos z) as P; assert (It : exp z * exp (- z) = 1) by (rewrite <- exp_plus, Rplus_opp_r; apply exp_0).
  assert (Et : s * (1 + exp z) = exp z).
  { assert (s + s * exp (- z) = 1) by lra; apply Rmult_eq_reg_r with (exp (- z)); [|pose proof (exp_pos (- z)); lra].
    replace (s * (1 + exp z) * exp (- z)) with (s * exp (- z) + s * (exp z * exp (- z))) by ring; rewrite It; lra. }
  destruct (near_le _ _ _ P Ht) as [L U]; apply abs_between in Hd; apply abs_between in Hk; apply abs_between in Ht.
  assert (Hth : 0 < th) by (apply Rlt_le_trans with (2 := L), Rmult_lt_0_compat; lra).
  set (eta := (th - exp z) / exp z); assert (He : - rho <= eta <= rho).
  { unfold eta; split; apply Rmult_le_reg_r with (exp z); try lra; unfold Rdiv; rewrite Rmult_assoc, Rinv_l by lra; lra. }
  assert (Eth : th = exp z * (1 + eta)) by (unfold eta; field; lra).
  assert (Hrs : 0 <= rho * s) by (apply Rmult_le_pos; lra); assert (Hrs1 : rho * s <= rho * 1) by (apply Rmult_le_compat_l; lra).
  assert (Hes : - (rho * s) <= eta * s <= rho * s).
  { pose proof (Rmult_le_compat_r s _ _ ltac:(lra) (proj1 He)); pose proof (Rmult_le_compat_r s _ _ ltac:(lra) (proj2 He)); lra. }
  (* th / (1 + th) = s (1 + eta) / (1 + eta s) *)
  assert (Q : th / (1 + th) = s * ((1 + eta) / (1 + eta * s))).
  { apply Rmult_eq_reg_r with ((1 + th) * (1 + eta * s)); [|apply Rgt_not_eq, Rmult_lt_0_compat; lra].
    replace (th / (1 + th) * ((1 + th) * (1 + eta * s))) with (th * (1 + eta * s)) by (field; lra).
    replace (s * ((1 + eta) / (1 + eta * s)) * ((1 + th) * (1 + eta * s))) with (s * (1 + eta) * (1 + th)) by (field; lra).
    rewrite Eth; replace (exp z * (1 + eta) * (1 + eta * s)) with ((1 + eta) * (exp z + eta * (exp z * s))) by ring.
    replace (s * (1 + eta) * (1 + exp z * (1 + eta))) with ((1 + eta) * (s * (1 + exp z) + eta * (exp z * s))) by ring; rewrite Et; reflexivity. }
  set (B := rho * (1 - s) / (1 - rho * s)).
  assert (HD : 0 < 1 - rho * s) by lra; assert (HB : 0 <= B) by (apply Rmult_le_pos; [apply Rmult_le_pos; lra|left; apply Rinv_0_lt_compat; lra]).
  assert (HBD : B * (1 - rho * s) = rho * (1 - s)) by (unfold B; field; lra).
  set (w := (1 + eta) / (1 + eta * s)); assert (Hw : 1 - B <= w <= 1 + B).
  { pose proof (Rmult_le_compat_l B _ _ HB (proj1 Hes)) as B1.
    pose proof (Rmult_le_compat_r (1 - s) _ _ ltac:(lra) (proj1 He)); pose proof (Rmult_le_compat_r (1 - s) _ _ ltac:(lra) (proj2 He)).
    unfold w; split; apply Rmult_le_reg_r with (1 + eta * s); try lra; unfold Rdiv; rewrite Rmult_assoc, Rinv_l by lra; lra. }
  assert (W0 : 0 < w) by (unfold w; apply Rdiv_lt_0_compat; lra).
  assert (HV : 0 < / (1 - v)) by (apply Rinv_0_lt_compat; lra); assert (EV : / (1 - v) * (1 - v) = 1) by (apply Rinv_l; lra).
  assert (I1 : / (1 + d) <= / (1 - v)) by (apply Rinv_le_contravar; lra).
  assert (I2 : 1 - v <= / (1 + d)).
  { apply Rmult_le_reg_r with (1 + d); [lra|]; rewrite Rinv_l by lra.
    pose proof (Rmult_le_compat_l (1 - v) d v ltac:(lra) (proj2 Hd)); pose proof (Rle_0_sqr v); unfold Rsqr in *; lra. }
  replace (th / ((1 + th) * (1 + d)) * (1 + k) - s) with (s * (w * (/ (1 + d) * (1 + k)) - 1)).
  2: { rewrite Rmult_minus_distr_l, <- (Rmult_assoc s w); unfold w; rewrite <- Q; field; lra. }
  rewrite Rabs_mult, (Rabs_pos_eq s) by lra; apply Rmult_le_compat_l; [lra|].
  assert (H1 : / (1 + d) * (1 + k) <= (1 + epsd) / (1 - v)) by (unfold Rdiv; rewrite (Rmult_comm (1 + epsd)); apply Rmult_le_compat; lra).
  assert (H2 : (1 - v) * (1 - epsd) <= / (1 + d) * (1 + k)) by (apply Rmult_le_compat; lra).
  set (y := / (1 + d) * (1 + k)) in *; set (Y := (1 + epsd) / (1 - v)) in *.
  assert (Y1 : 1 + v + epsd <= Y).
  { unfold Y; apply Rmult_le_reg_r with (1 - v); [lra|]; unfold Rdiv; rewrite Rmult_assoc, EV.
    pose proof (Rmult_le_pos v epsd ltac:(lra) ltac:(lra)); pose proof (Rle_0_sqr v); unfold Rsqr in *; lra. }
  assert (y0 : 0 < y) by (unfold y; apply Rmult_lt_0_compat; [apply Rinv_0_lt_compat; lra|lra]).
  apply Rabs_le; split.
  - assert (1 - B - v - epsd <= w * y).
    { destruct (Rle_or_lt (1 - B) 0) as [K|K]; [pose proof (Rmult_lt_0_compat _ _ W0 y0); lra|].
      apply Rle_trans with ((1 - B) * ((1 - v) * (1 - epsd))); [|apply Rmult_le_compat; try lra; apply Rmult_le_pos; lra].
      assert (1 - v - epsd <= (1 - v) * (1 - epsd)) by (pose proof (Rmult_le_pos v epsd ltac:(lra) ltac:(lra)); lra).
      apply Rle_trans with ((1 - B) * (1 - v - epsd)); [pose proof (Rmult_le_pos B (v + epsd) HB ltac:(lra)); lra|apply Rmult_le_compat_l; lra]. }
    pose proof (Rmult_le_compat_l (1 + B) _ _ ltac:(lra) Y1); pose proof (Rmult_le_pos B (v + epsd) HB ltac:(lra)); lra.
  - assert (w * y <= (1 + B) * Y) by (apply Rmult_le_compat; lra); lra.
Qed.

(** softplus(x) as x + log1p(e^-x), which kernels use for x > 0; [d]: the last sum's rounding. *)
Theorem softplus_split_rule x xh ex th rho epsl lh d v : 0 <= rho < 1 -> 0 <= epsl -> 0 <= v -> Rabs (xh - x) <= ex -> 0 <= xh ->
  Rabs (th - exp (- xh)) <= rho * exp (- xh) -> Rabs (lh - ln (1 + th)) <= epsl * Rabs (ln (1 + th)) -> Rabs d <= v ->
  let S := ln (1 + exp x) in
  let D := rho / (1 - rho) * (exp (- xh) / (1 + exp (- xh))) in
  let E := ex + D + epsl * (ln (1 + exp (- xh)) + D) in
  Rabs ((xh + lh) * (1 + d) - S) <= E + v * (S + E).
Proof.
  intros Hr He Hv Hx Hxh Ht Hl Hd S D E.
  pose proof (softplus_rule (- xh) th rho epsl lh Hr He Ht Hl) as H; cbv zeta in H; fold D in H.
  assert (Split : forall y, ln (1 + exp y) = y + ln (1 + exp (- y))).
  { intros y; rewrite <- (ln_exp y) at 2; pose proof (exp_pos y); pose proof (exp_pos (- y)); rewrite <- ln_mult by lra; f_equal.
    rewrite Rmult_plus_distr_l, <- exp_plus, Rplus_opp_r, exp_0; ring. }
  (* softplus moves no more than its argument *)
  assert (Slow : forall y y', y <= y' -> 0 <= ln (1 + exp y') - ln (1 + exp y) <= y' - y).
  { intros y y' L; pose proof (exp_pos y); pose proof (exp_pos y'); pose proof (exp_le _ _ L); pose proof (exp_le (- y') (- y) ltac:(lra)).
    pose proof (exp_pos (- y')); pose proof (exp_pos (- y)).
    assert (M : forall a b, 0 < a <= b -> ln a <= ln b) by (intros a b [A1 [A2 | <-]]; [left; apply ln_increasing; lra|lra]).
    split; [pose proof (M (1 + exp y) (1 + exp y') ltac:(lra)); lra|].
    rewrite (Split y'), (Split y); pose proof (M (1 + exp (- y')) (1 + exp (- y)) ltac:(lra)); lra. }
  assert (HS : Rabs (ln (1 + exp xh) - S) <= ex).
  { apply abs_between in Hx; unfold S; destruct (Rle_or_lt x xh) as [L|L].
    - pose proof (Slow x xh L); apply Rabs_le; lra.
    - pose proof (Slow xh x (Rlt_le _ _ L)); apply Rabs_le; lra. }
  assert (HE : Rabs (xh + lh - S) <= E).
  { replace (xh + lh - S) with ((lh - ln (1 + exp (- xh))) + (ln (1 + exp xh) - S)) by (rewrite (Split xh); ring).
    apply Rle_trans with (1 := Rabs_triang _ _); unfold E; lra. }
  assert (S0 : 0 <= S) by (apply ln_pos; pose proof (exp_pos x); lra).
  assert (HB : Rabs (xh + lh) <= S + E).
  { replace (xh + lh) with (S + (xh + lh - S)) by ring; apply Rle_trans with (1 := Rabs_triang _ _); rewrite (Rabs_pos_eq S) by exact S0; lra. }
  replace ((xh + lh) * (1 + d) - S) with ((xh + lh - S) + d * (xh + lh)) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _); rewrite Rabs_mult.
  pose proof (Rmult_le_compat _ _ _ _ (Rabs_pos d) (Rabs_pos (xh + lh)) Hd HB); lra.
Qed.
