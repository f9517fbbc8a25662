(** Midpoint and radius: what Ball<double> encloses.

    Main results: [ball_add], [ball_mul]: the inclusion lemma for a sum and a product whose midpoint is
    rounded to nearest and whose radius is at least the formula; [ball_step]: the step a h + b of a scan;
    [radius_up]: a radius evaluated in rounded arithmetic and multiplied by 1 + 2^-50 is large enough.
    Depends on: RoundingIEEE. *)
From Coq Require Import Reals ZArith Lia Lra Psatz.
From Flocq Require Import Core Relative Plus_error.
From Exactscan Require Import RoundingIEEE.
Open Scope R_scope.

Section Ball.
Variables (prec emin : Z) (choice : Z -> bool).
Context {prec_pos : Prec_gt_0 prec}.
Notation RN := (RN prec emin choice).
Notation format := (format prec emin).
Notation u := (u_ro radix2 prec).
Notation half := (/ 2 * eta emin).
Local Instance fexp_ok : Valid_exp (fexp prec emin).
Proof. apply FLT_exp_valid, prec_pos. Qed.
Local Instance fexp_mono : Monotone_exp (fexp prec emin).
Proof. apply FLT_exp_monotone. Qed.

Definition encloses (m r x : R) := Rabs (x - m) <= r.

(** One rounding measured by its result: u |RN x|, or half the smallest number. *)
Lemma error_by_result x : Rabs (RN x - x) <= u * Rabs (RN x) \/ Rabs (RN x - x) <= half.
Proof.
  pose proof (error_le_half_ulp_round radix2 (fexp prec emin) choice x) as H; fold (RoundingIEEE.RN prec emin choice) in H.
  destruct (Rlt_or_le (Rabs (RN x)) (bpow radix2 (emin + prec))) as [L|L].
  - right; apply Rle_trans with (1 := H).
    assert (ulp radix2 (fexp prec emin) (RN x) = eta emin) as -> by (apply ulp_FLT_small; [exact prec_pos|exact L]); lra.
  - left; apply Rle_trans with (1 := H); unfold u_ro; rewrite Rmult_assoc; apply Rmult_le_compat_l; [lra|].
    replace (- prec + 1)%Z with (1 - prec)%Z by ring.
    rewrite Rmult_comm; apply ulp_FLT_le; apply Rle_trans with (2 := L), bpow_le; lia.
Qed.

Lemma u_pos : 0 <= u. Proof. apply u_ro_pos. Qed.

Lemma error_any x : Rabs (RN x - x) <= u * Rabs (RN x) + half.
Proof.
  pose proof (Rmult_le_pos _ _ u_pos (Rabs_pos (RN x))); pose proof (bpow_gt_0 radix2 emin); unfold eta.
  destruct (error_by_result x); unfold eta in *; lra.
Qed.

(** A subnormal sum is exact. *)
Lemma error_sum x y : format x -> format y -> Rabs (RN (x + y) - (x + y)) <= u * Rabs (RN (x + y)).
Proof.
  intros Fx Fy; destruct (Rle_or_lt (Rabs (x + y)) (bpow radix2 (prec + emin))) as [L|L].
  - assert (E : RN (x + y) = x + y).
    { apply round_generic; [typeclasses eauto|]; apply FLT_format_plus_small; try assumption; exact L. }
    rewrite E, Rminus_diag_eq, Rabs_R0 by reflexivity; apply Rmult_le_pos; [apply u_pos|apply Rabs_pos].
  - pose proof (error_le_half_ulp_round radix2 (fexp prec emin) choice (x + y)) as H.
    fold (RoundingIEEE.RN prec emin choice) in H.
    apply Rle_trans with (1 := H); unfold u_ro; rewrite Rmult_assoc; apply Rmult_le_compat_l; [lra|].
    replace (- prec + 1)%Z with (1 - prec)%Z by ring; rewrite Rmult_comm; apply ulp_FLT_le.
    apply Rle_trans with (bpow radix2 (prec + emin)); [apply bpow_le; lia|].
    apply abs_round_ge_generic; try typeclasses eauto; [|lra].
    apply generic_format_FLT_bpow; [exact prec_pos|unfold Prec_gt_0 in *; lia].
Qed.

Theorem ball_add x y xm ym xr yr r : format xm -> format ym -> encloses xm xr x -> encloses ym yr y ->
  xr + yr + u * Rabs (RN (xm + ym)) <= r -> encloses (RN (xm + ym)) r (x + y).
Proof.
  unfold encloses; intros Fx Fy Hx Hy Hr; pose proof (error_sum _ _ Fx Fy) as He.
  replace (x + y - RN (xm + ym)) with ((x - xm) + (y - ym) + - (RN (xm + ym) - (xm + ym))) by ring.
  pose proof (Rabs_triang (x - xm + (y - ym)) (- (RN (xm + ym) - (xm + ym)))).
  pose proof (Rabs_triang (x - xm) (y - ym)); rewrite Rabs_Ropp in *; lra.
Qed.

Theorem ball_mul x y xm ym xr yr r : encloses xm xr x -> encloses ym yr y ->
  Rabs xm * yr + xr * (Rabs ym + yr) + u * Rabs (RN (xm * ym)) + half <= r ->
  encloses (RN (xm * ym)) r (x * y).
Proof.
  unfold encloses; intros Hx Hy Hr; pose proof (error_any (xm * ym)) as He.
  assert (Hyy : Rabs y <= Rabs ym + yr).
  { replace y with (ym + (y - ym)) by ring; apply Rle_trans with (1 := Rabs_triang _ _); lra. }
  replace (x * y - RN (xm * ym)) with (xm * (y - ym) + (x - xm) * y + - (RN (xm * ym) - xm * ym)) by ring.
  pose proof (Rabs_triang (xm * (y - ym) + (x - xm) * y) (- (RN (xm * ym) - xm * ym))).
  pose proof (Rabs_triang (xm * (y - ym)) ((x - xm) * y)); rewrite Rabs_Ropp, !Rabs_mult in *.
  pose proof (Rmult_le_compat_l _ _ _ (Rabs_pos xm) Hy).
  pose proof (Rmult_le_compat _ _ _ _ (Rabs_pos _) (Rabs_pos _) Hx Hyy); lra.
Qed.

Theorem ball_neg x xm xr : encloses xm xr x -> encloses (- xm) xr (- x).
Proof.
  unfold encloses; intros H; replace (- x - - xm) with (- (x - xm)) by ring; rewrite Rabs_Ropp; exact H.
Qed.

(** One step of a scan with exact coefficients: mid' = RN(RN(a mid) + b). *)
Theorem ball_step a b h m r r' (p := RN (a * m)) (m' := RN (p + b)) : format b -> encloses m r h ->
  Rabs a * r + u * Rabs p + half + u * Rabs m' <= r' -> encloses m' r' (a * h + b).
Proof.
  intros Fb Hh Hr.
  apply (ball_add (a * h) b p b (Rabs a * r + u * Rabs p + half) 0).
  - apply format_RN, prec_pos.
  - exact Fb.
  - apply (ball_mul a h a m 0 r); [unfold encloses; rewrite Rminus_diag_eq, Rabs_R0 by reflexivity; lra|exact Hh|].
    fold p; lra.
  - unfold encloses; rewrite Rminus_diag_eq, Rabs_R0 by reflexivity; lra.
  - fold m'; lra.
Qed.
End Ball.

(** The radius itself is computed: n roundings, each of relative error at most 2^-53, take off at most a factor
    (1 - 2^-53)^n; the factor 1 + 2^-50 and one more rounding give it back for n <= 6. *)
Theorem radius_up r rh r' : 0 <= r -> (1 - / 2 ^ 53) ^ 6 * r <= rh ->
  (1 - / 2 ^ 53) * (rh * (1 + / 2 ^ 50)) <= r' -> r <= r'.
Proof.
  intros Hr H1 H2; apply Rle_trans with (2 := H2).
  assert (K : 1 <= (1 - / 2 ^ 53) * ((1 - / 2 ^ 53) ^ 6 * (1 + / 2 ^ 50))) by (simpl; lra).
  apply Rle_trans with ((1 - / 2 ^ 53) * ((1 - / 2 ^ 53) ^ 6 * (1 + / 2 ^ 50)) * r).
  - rewrite <- (Rmult_1_l r) at 1; apply Rmult_le_compat_r; assumption.
  - replace ((1 - / 2 ^ 53) * ((1 - / 2 ^ 53) ^ 6 * (1 + / 2 ^ 50)) * r)
      with ((1 - / 2 ^ 53) * (((1 - / 2 ^ 53) ^ 6 * r) * (1 + / 2 ^ 50))) by ring.
    apply Rmult_le_compat_l; [simpl; lra|]; apply Rmult_le_compat_r; [simpl; lra|exact H1].
Qed.
