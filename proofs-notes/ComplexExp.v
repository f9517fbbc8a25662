(** The complex exponential of an inexact argument.

    Main results: [cexp_near]: |e^z - 1| <= e^|z| - 1; [cexp_rule]: e^x (cos y + i sin y) from an exponential with a relative error
    and a loss where it underflows, a cosine and sine with a relative error norm-wise, and one product a part.
    Depends on: RoundingIEEE, Calculus, Complex, ComplexTree (pairs), Elementary, Coquelicot. *)
From Coq Require Import Reals Lra Psatz.
From Flocq Require Import Core.
From Coquelicot Require Import Hierarchy Rcomplements Derive AutoDerive ElemFct Complex.
From Exactscan Require Import RoundingIEEE Calculus Complex ComplexTree Elementary.
Open Scope R_scope.

Definition cexp (z : C) : C := (exp (fst z) * cos (snd z), exp (fst z) * sin (snd z)).

Lemma cexp_plus z w : cexp (Cplus z w) = Cmult (cexp z) (cexp w).
Proof.
  destruct z as [x y], w as [a b]; unfold cexp, Cmult; simpl.
  rewrite exp_plus, cos_plus, sin_plus; f_equal; ring.
Qed.

Lemma unit_norm y : Cmod (cos y, sin y) = 1.
Proof.
  change (norm (cos y) (sin y) = 1); rewrite norm_def, <- sqrt_1; f_equal.
  pose proof (sin2_cos2 y); unfold Rsqr in *; lra.
Qed.

Lemma cexp_mod z : Cmod (cexp z) = exp (fst z).
Proof.
  unfold cexp; replace (exp (fst z) * cos (snd z), exp (fst z) * sin (snd z))
    with (Cmult (RtoC (exp (fst z))) (cos (snd z), sin (snd z))) by (unfold Cmult, RtoC; simpl; f_equal; ring).
  rewrite Cmod_mult, unit_norm, Rmult_1_r, Cmod_R, Rabs_pos_eq; [reflexivity|left; apply exp_pos].
Qed.

(** e^x - e^-x >= 2 x, and e^x + e^-x - x^2 increases. *)
Lemma sinh_ge x : 0 <= x -> 2 * x <= exp x - exp (- x).
Proof.
  intros [H | <-]; [|rewrite Ropp_0; lra].
  destruct (MVT_cor2 (fun t => exp t - exp (- t) - 2 * t) (fun t => exp t + exp (- t) - 2) 0 x H) as (c & E & _).
  - intros c _; apply is_derive_Reals; auto_derive; [trivial|ring].
  - rewrite Ropp_0, exp_0 in E.
    assert (0 <= exp c + exp (- c) - 2).
    { pose proof (exp_pos c); pose proof (exp_pos (- c)); assert (exp c * exp (- c) = 1) by (rewrite <- exp_plus, Rplus_opp_r; apply exp_0).
      pose proof (Rle_0_sqr (exp c - exp (- c))); unfold Rsqr in *; nra. }
    pose proof (Rmult_le_pos _ _ H0 (Rlt_le _ _ H)); lra.
Qed.

Lemma cosh_step s r : 0 <= s <= r -> exp s + exp (- s) - s * s <= exp r + exp (- r) - r * r.
Proof.
  intros [Hs [H | <-]]; [|lra].
  destruct (MVT_cor2 (fun t => exp t + exp (- t) - t * t) (fun t => exp t - exp (- t) - 2 * t) s r H) as (c & E & [C1 C2]).
  - intros c _; apply is_derive_Reals; auto_derive; [trivial|ring].
  - pose proof (sinh_ge c ltac:(lra)); assert (0 <= exp c - exp (- c) - 2 * c) by lra.
    pose proof (Rmult_le_pos (exp c - exp (- c) - 2 * c) (r - s) ltac:(lra) ltac:(lra)); lra.
Qed.

Lemma cos_ge b : 1 - b * b / 2 <= cos b.
Proof.
  replace (cos b) with (1 - 2 * (sin (b / 2) * sin (b / 2))).
  2: { rewrite <- Rmult_assoc, <- cos_2a_sin; f_equal; field. }
  enough (sin (b / 2) * sin (b / 2) <= b / 2 * (b / 2)) by lra.
  assert (P : forall x, 0 <= x -> sin x * sin x <= x * x).
  { intros x [Hx | <-]; [|rewrite sin_0; lra].
    destruct (Rle_or_lt x 1) as [L|L].
    - pose proof (sin_lt_x x Hx); assert (0 <= sin x) by (apply sin_ge_0; pose proof PI2_1; lra).
      apply Rmult_le_compat; lra.
    - pose proof (SIN_bound x); assert (sin x * sin x <= 1) by nra; nra. }
  destruct (Rle_or_lt 0 (b / 2)) as [H|H]; [apply P, H|].
  pose proof (P (- (b / 2)) ltac:(lra)) as N; rewrite sin_neg in N; lra.
Qed.

Theorem cexp_near z : Cmod (Cminus (cexp z) (RtoC 1)) <= exp (Cmod z) - 1.
Proof.
  destruct z as [a b]; set (r := Cmod (a, b)).
  assert (Er : r * r = a * a + b * b) by apply (norm_square a b).
  assert (Hr : 0 <= r) by apply Cmod_ge_0.
  assert (Ha : Rabs a <= r) by (pose proof (Rmax_Cmod (a, b)); pose proof (Rmax_l (Rabs a) (Rabs b)); simpl in *; unfold r; lra).
  pose proof (Rabs_pos a) as Pa; pose proof (exp_ge_1 r Hr) as E1.
  change (norm (exp a * cos b - 1) (exp a * sin b - 0) <= exp r - 1); rewrite norm_def.
  rewrite <- (sqrt_square (exp r - 1)) by lra; apply sqrt_le_1_alt.
  pose proof (cosh_step (Rabs a) r ltac:(lra)) as K.
  assert (Sa : exp (Rabs a) + exp (- Rabs a) = exp a + exp (- a)).
  { unfold Rabs; destruct Rcase_abs; [rewrite Ropp_involutive; ring|reflexivity]. }
  assert (Qa : Rabs a * Rabs a = a * a) by (rewrite <- Rabs_mult; apply Rabs_pos_eq, Rle_0_sqr).
  rewrite Sa, Qa in K.
  assert (Ia : exp a * exp (- a) = 1) by (rewrite <- exp_plus, Rplus_opp_r; apply exp_0).
  assert (Ir : exp r * exp (- r) = 1) by (rewrite <- exp_plus, Rplus_opp_r; apply exp_0).
  pose proof (exp_pos a) as Xa; pose proof (exp_pos (- a)) as Xb; pose proof (exp_pos r) as Xr.
  assert (Le : exp a <= exp r) by (apply exp_le; pose proof (Rle_abs a); lra).
  pose proof (cos_ge b) as Cb; pose proof (sin2_cos2 b) as SC; unfold Rsqr in SC.
  assert (Hb : 0 <= b * b) by apply Rle_0_sqr.
  (* the left side is e^a (e^a + e^-a - 2 cos b), at most e^a (e^a + e^-a - 2 + b^2) *)
  assert (L : (exp a * cos b - 1) * (exp a * cos b - 1) + (exp a * sin b - 0) * (exp a * sin b - 0)
              = exp a * (exp a + exp (- a) - 2 * cos b)).
  { replace (exp a * (exp a + exp (- a) - 2 * cos b)) with (exp a * exp a + exp a * exp (- a) - 2 * exp a * cos b) by ring.
    rewrite Ia; replace (exp a * exp a) with (exp a * exp a * (sin b * sin b + cos b * cos b)) by (rewrite SC; ring); ring. }
  assert (R : (exp r - 1) * (exp r - 1) = exp r * (exp r + exp (- r) - 2)).
  { replace (exp r * (exp r + exp (- r) - 2)) with (exp r * exp r + exp r * exp (- r) - 2 * exp r) by ring; rewrite Ir; ring. }
  rewrite L, R.
  assert (P : 0 <= exp a + exp (- a) - 2) by (pose proof (Rle_0_sqr (exp a - exp (- a))); unfold Rsqr in *; nra).
  apply Rle_trans with (exp a * (exp a + exp (- a) - 2 + b * b)).
  - apply Rmult_le_compat_l; lra.
  - apply Rmult_le_compat; lra.
Qed.

Section Rule.
Variables (prec emin : Z) (choice : Z -> bool) (ftz : bool).
Context {prec_pos : Prec_gt_0 prec}.
Notation op := (op prec emin choice ftz).
Notation v := (v prec).
Notation km := (kmul prec emin ftz).

Theorem cexp_rule z zh ez E c s re im eps tau epst : Cmod (Cminus zh z) <= ez -> 0 <= eps -> 0 <= epst -> 0 <= tau ->
  Rabs (E - exp (fst zh)) <= eps * exp (fst zh) + tau ->
  norm (c - cos (snd zh)) (s - sin (snd zh)) <= epst -> op (E * c) re -> op (E * s) im ->
  Cmod (Cminus (re, im) (cexp z))
  <= exp (fst z) * ((1 + eps) * (1 + epst) * (1 + v) * exp ez - 1) + (1 + epst) * (1 + v) * tau + sqrt 2 * km.
Proof.
  intros Hz He Ht Hu HE Hcs Hre Him; pose proof (v_pos prec) as Hv; pose proof (kmul_pos prec emin ftz) as Hk.
  pose proof (exp_pos (fst z)) as P; pose proof (exp_pos (fst zh)) as Ph.
  assert (DE : cdom (RtoC E) (RtoC (exp (fst zh))) ((1 + eps) * exp (fst zh) + tau) (exp (fst zh))).
  { split; [rewrite Cmod_R, Rabs_pos_eq; lra|].
    replace (Cminus (RtoC E) (RtoC (exp (fst zh)))) with (RtoC (E - exp (fst zh))) by (rewrite RtoC_minus; reflexivity).
    rewrite Cmod_R; lra. }
  assert (DC : cdom (c, s) (cos (snd zh), sin (snd zh)) (1 + epst) 1).
  { split; [rewrite unit_norm; lra|]; replace (1 + epst - 1) with epst by ring; exact Hcs. }
  pose proof (cdom_mul _ _ _ _ _ _ _ _ DE DC) as M; pose proof (cdom_abs _ _ _ _ M) as S.
  set (W := ((1 + eps) * exp (fst zh) + tau) * (1 + epst)) in *.
  assert (EC : Cmult (RtoC E) (c, s) = (E * c, E * s)) by (unfold Cmult, RtoC; simpl; f_equal; ring).
  assert (EX : Cmult (RtoC (exp (fst zh))) (cos (snd zh), sin (snd zh)) = cexp zh) by (unfold Cmult, RtoC, cexp; simpl; f_equal; ring).
  rewrite EC, EX in M; rewrite EC in S.
  assert (Round : Cmod (Cminus (re, im) (E * c, E * s)) <= v * W + sqrt 2 * km).
  { change (norm (re - E * c) (im - E * s) <= v * W + sqrt 2 * km).
    assert (O : forall x r, op x r -> Rabs (r - x) <= v * Rabs x + km).
    { intros x r O; apply Rle_trans with (1 := op_error prec emin choice ftz _ _ O), Rplus_le_compat_l, Rmin_l. }
    apply Rle_trans with (norm (v * Rabs (E * c) + km) (v * Rabs (E * s) + km)); [apply norm_mono; apply O; assumption|].
    apply Rle_trans with (1 := norm_triangle _ _ _ _); rewrite norm_scale, norm_abs, norm_constant by assumption.
    apply Rplus_le_compat_r, Rmult_le_compat_l; [exact Hv|exact S]. }
  destruct (cdom_err _ _ _ _ _ _ M Round) as [_ D1].
  assert (D2 : Cmod (Cminus (cexp zh) (cexp z)) <= exp (fst z) * (exp ez - 1)).
  { assert (X : cexp zh = Cmult (cexp z) (cexp (Cminus zh z))) by (rewrite <- cexp_plus; f_equal; ring).
    rewrite X; replace (Cminus (Cmult (cexp z) (cexp (Cminus zh z))) (cexp z))
      with (Cmult (cexp z) (Cminus (cexp (Cminus zh z)) (RtoC 1))) by ring.
    rewrite Cmod_mult, cexp_mod; apply Rmult_le_compat_l; [lra|].
    apply Rle_trans with (1 := cexp_near _); pose proof (exp_le _ _ Hz); lra. }
  assert (Hx : exp (fst zh) <= exp (fst z) * exp ez).
  { rewrite <- exp_plus; apply exp_le; pose proof (Rmax_Cmod (Cminus zh z)) as X.
    pose proof (Rmax_l (Rabs (fst (Cminus zh z))) (Rabs (snd (Cminus zh z)))); pose proof (Rle_abs (fst (Cminus zh z))).
    assert (fst (Cminus zh z) = fst zh - fst z) by reflexivity; lra. }
  replace (Cminus (re, im) (cexp z)) with (Cplus (Cminus (re, im) (cexp zh)) (Cminus (cexp zh) (cexp z))) by ring.
  apply Rle_trans with (1 := Cmod_triangle _ _).
  set (F := (1 + eps) * (1 + epst) * (1 + v)).
  assert (HF : 1 <= F).
  { assert (1 <= (1 + eps) * (1 + epst)) by nra; unfold F; nra. }
  assert (E1 : W + (v * W + sqrt 2 * km) - exp (fst zh) = (F - 1) * exp (fst zh) + (1 + epst) * (1 + v) * tau + sqrt 2 * km).
  { unfold W, F; ring. }
  rewrite Rmult_1_r, E1 in D1; pose proof (Rmult_le_compat_l (F - 1) _ _ ltac:(lra) Hx).
  fold F; lra.
Qed.
End Rule.
