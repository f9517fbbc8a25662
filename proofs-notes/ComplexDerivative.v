(** The partial derivatives of S5's discretizations for complex eigenvalues.

    Main results: [complex_bilinear_a_da], [complex_bilinear_a_de], [complex_bilinear_b_dd], [complex_bilinear_b_da], [complex_zoh_a_da],
    [complex_zoh_a_de], [complex_zoh_b_dd], [complex_zoh_b_da]: the same forms as Discretization.v, in every complex variable.
    [cderive]: the difference quotient has an error of at most K |h| near the point; [cderive_is_derive]: so it is a derivative.
    Depends on: Complex, Elementary, ComplexExp, Coquelicot. *)
From Coq Require Import Reals Lra Psatz.
From Coquelicot Require Import Hierarchy Rcomplements Derive AutoDerive ElemFct Complex.
From Exactscan Require Import Complex Elementary ComplexExp.
Open Scope R_scope.

Definition cderive (f : C -> C) (z d : C) := exists K r, 0 <= K /\ 0 < r /\
  forall h, Cmod h <= r -> Cmod (Cminus (Cminus (f (Cplus z h)) (f z)) (Cmult d h)) <= K * (Cmod h * Cmod h).

(** So it is the derivative in Coquelicot's sense, over the complex numbers. *)
Lemma back (y z : C) : Cplus z (Cminus y z) = y. Proof. ring. Qed.
Theorem cderive_is_derive (f : C -> C) (z d : C) : cderive f z d -> is_derive (K := C_AbsRing) (V := AbsRing_NormedModule C_AbsRing) f z d.
Proof.
  intros (K & r & HK & Hr & H); split; [apply is_linear_scal_l|].
  intros x Hx; apply (@is_filter_lim_locally_unique C_AbsRing (AbsRing_NormedModule C_AbsRing)) in Hx; subst x; intros eps.
  assert (Hd : 0 < Rmin r (eps / (K + 1))).
  { apply Rmin_glb_lt; [exact Hr|apply Rdiv_lt_0_compat; [apply cond_pos|lra]]. }
  exists (mkposreal _ Hd); intros y Hy; simpl in Hy.
  assert (Hy2 : Cmod (Cminus y z) < Rmin r (eps / (K + 1))) by exact Hy.
  set (h := Cminus y z) in *; pose proof (Rmin_l r (eps / (K + 1))); pose proof (Rmin_r r (eps / (K + 1))).
  specialize (H h ltac:(lra)); unfold h in H; rewrite back in H; fold h in H.
  change (Cmod (Cminus (Cminus (f y) (f z)) (Cmult h d)) <= eps * Cmod h).
  rewrite (Cmult_comm h d); apply Rle_trans with (1 := H); rewrite <- Rmult_assoc.
  apply Rmult_le_compat_r; [apply Cmod_ge_0|].
  pose proof (Cmod_ge_0 h); apply Rle_trans with ((K + 1) * (eps / (K + 1))); [apply Rmult_le_compat; lra|right; field; lra].
Qed.

(** ** Rules *)
Lemma cderive_ext f g z d : (forall x, f x = g x) -> cderive f z d -> cderive g z d.
Proof. intros E (K & r & HK & Hr & H); exists K, r; repeat split; auto; intros h Hh; rewrite <- !E; auto. Qed.

Lemma cderive_eq f z d d' : d = d' -> cderive f z d -> cderive f z d'.
Proof. intros ->; auto. Qed.

Lemma cderive_const c z : cderive (fun _ => c) z (RtoC 0).
Proof.
  exists 0, 1; repeat split; try lra; intros h _; rewrite Rmult_0_l.
  replace (Cminus (Cminus c c) (Cmult (RtoC 0) h)) with (RtoC 0) by ring; rewrite Cmod_0; lra.
Qed.

Lemma cderive_id z : cderive (fun x => x) z (RtoC 1).
Proof.
  exists 0, 1; repeat split; try lra; intros h _; rewrite Rmult_0_l.
  replace (Cminus (Cminus (Cplus z h) z) (Cmult (RtoC 1) h)) with (RtoC 0) by ring; rewrite Cmod_0; lra.
Qed.

Lemma cderive_plus f g z d e : cderive f z d -> cderive g z e -> cderive (fun x => Cplus (f x) (g x)) z (Cplus d e).
Proof.
  intros (K & r & HK & Hr & Hf) (L & s & HL & Hs & Hg); exists (K + L), (Rmin r s).
  split; [lra|split; [apply Rmin_glb_lt; assumption|]]; intros h Hh.
  pose proof (Rmin_l r s); pose proof (Rmin_r r s); specialize (Hf h ltac:(lra)); specialize (Hg h ltac:(lra)).
  replace (Cminus (Cminus (Cplus (f (Cplus z h)) (g (Cplus z h))) (Cplus (f z) (g z))) (Cmult (Cplus d e) h))
    with (Cplus (Cminus (Cminus (f (Cplus z h)) (f z)) (Cmult d h)) (Cminus (Cminus (g (Cplus z h)) (g z)) (Cmult e h))) by ring.
  apply Rle_trans with (1 := Cmod_triangle _ _); lra.
Qed.

(** Near the point the increment is at most a multiple of h. *)
Lemma cderive_near f z d : cderive f z d -> exists L r, 0 <= L /\ 0 < r <= 1 /\
  forall h, Cmod h <= r -> Cmod (Cminus (f (Cplus z h)) (f z)) <= L * Cmod h.
Proof.
  intros (K & r & HK & Hr & H); exists (K + Cmod d), (Rmin r 1).
  pose proof (Rmin_l r 1); pose proof (Rmin_r r 1); pose proof (Cmod_ge_0 d).
  split; [lra|split; [split; [apply Rmin_glb_lt; lra|assumption]|]]; intros h Hh; specialize (H h ltac:(lra)).
  replace (Cminus (f (Cplus z h)) (f z)) with (Cplus (Cminus (Cminus (f (Cplus z h)) (f z)) (Cmult d h)) (Cmult d h)) by ring.
  apply Rle_trans with (1 := Cmod_triangle _ _); rewrite Cmod_mult; pose proof (Cmod_ge_0 h) as Hh0.
  pose proof (Rmult_le_compat_l _ _ _ Hh0 (Rle_trans _ _ _ Hh H1)).
  pose proof (Rmult_le_compat_l _ _ _ HK H3); lra.
Qed.

Lemma cderive_mult f g z d e : cderive f z d -> cderive g z e ->
  cderive (fun x => Cmult (f x) (g x)) z (Cplus (Cmult d (g z)) (Cmult (f z) e)).
Proof.
  intros Df Dg; destruct (cderive_near _ _ _ Df) as (Lf & rf & HLf & Hrf & Nf); destruct (cderive_near _ _ _ Dg) as (Lg & rg & HLg & Hrg & Ng).
  destruct Df as (K & r & HK & Hr & Hf); destruct Dg as (L & s & HL & Hs & Hg).
  exists (K * Cmod (g z) + Cmod (f z) * L + Lf * Lg), (Rmin (Rmin r s) (Rmin rf rg)).
  pose proof (Cmod_ge_0 (g z)) as G0; pose proof (Cmod_ge_0 (f z)) as F0.
  pose proof (Rmult_le_pos _ _ HK G0); pose proof (Rmult_le_pos _ _ F0 HL); pose proof (Rmult_le_pos _ _ HLf HLg).
  split; [lra|split; [repeat apply Rmin_glb_lt; lra|]]; intros h Hh.
  pose proof (Rmin_l (Rmin r s) (Rmin rf rg)); pose proof (Rmin_r (Rmin r s) (Rmin rf rg)); pose proof (Rmin_l r s); pose proof (Rmin_r r s).
  pose proof (Rmin_l rf rg); pose proof (Rmin_r rf rg).
  specialize (Hf h ltac:(lra)); specialize (Hg h ltac:(lra)); specialize (Nf h ltac:(lra)); specialize (Ng h ltac:(lra)).
  set (fh := f (Cplus z h)) in *; set (gh := g (Cplus z h)) in *; clearbody fh gh.
  replace (Cminus (Cminus (Cmult fh gh) (Cmult (f z) (g z))) (Cmult (Cplus (Cmult d (g z)) (Cmult (f z) e)) h))
    with (Cplus (Cplus (Cmult (Cminus (Cminus fh (f z)) (Cmult d h)) (g z)) (Cmult (f z) (Cminus (Cminus gh (g z)) (Cmult e h))))
                (Cmult (Cminus fh (f z)) (Cminus gh (g z)))) by ring.
  apply Rle_trans with (1 := Cmod_triangle _ _); rewrite Cmod_mult.
  pose proof (Cmod_triangle (Cmult (Cminus (Cminus fh (f z)) (Cmult d h)) (g z)) (Cmult (f z) (Cminus (Cminus gh (g z)) (Cmult e h)))) as T.
  rewrite !Cmod_mult in T; pose proof (Rmult_le_compat_r _ _ _ G0 Hf); pose proof (Rmult_le_compat_l _ _ _ F0 Hg).
  pose proof (Rmult_le_compat _ _ _ _ (Cmod_ge_0 _) (Cmod_ge_0 _) Nf Ng); lra.
Qed.

Lemma cderive_inv f z d : cderive f z d -> f z <> RtoC 0 -> cderive (fun x => Cinv (f x)) z (Copp (Cmult d (Cmult (Cinv (f z)) (Cinv (f z))))).
Proof.
  intros Df N; destruct (cderive_near _ _ _ Df) as (L & s & HL & Hs & Nf); destruct Df as (K & r & HK & Hr & Hf).
  set (m := Cmod (f z)); assert (Hm : 0 < m) by (apply Cmod_gt_0, N).
  set (t := m / 2 / (L + 1)); assert (Ht : 0 < t) by (apply Rdiv_lt_0_compat; lra).
  pose proof (Cmod_ge_0 d) as D0; assert (I0 : 0 < / m) by (apply Rinv_0_lt_compat; exact Hm).
  assert (I2 : 0 < / m * / m) by (apply Rmult_lt_0_compat; assumption).
  exists (/ m * / m * (K + 2 * / m * L * L)), (Rmin (Rmin r s) t).
  pose proof (Rmult_le_pos _ _ HL HL) as LL; assert (P : 0 <= 2 * / m * L * L) by (rewrite !Rmult_assoc; apply Rmult_le_pos; [lra|apply Rmult_le_pos; lra]).
  split; [apply Rmult_le_pos; lra|split; [repeat apply Rmin_glb_lt; lra|]]; intros h Hh.
  pose proof (Rmin_l (Rmin r s) t); pose proof (Rmin_r (Rmin r s) t); pose proof (Rmin_l r s); pose proof (Rmin_r r s).
  specialize (Hf h ltac:(lra)); specialize (Nf h ltac:(lra)); pose proof (Cmod_ge_0 h) as Hh0.
  set (fh := f (Cplus z h)) in *; clearbody fh; set (a := f z) in *.
  assert (Small : L * Cmod h <= m / 2).
  { apply Rle_trans with ((L + 1) * t); [apply Rmult_le_compat; lra|unfold t; right; field; lra]. }
  assert (Big : m / 2 <= Cmod fh).
  { assert (m <= Cmod fh + Cmod (Cminus fh a)); [|lra].
    unfold m; replace a with (Cplus fh (Copp (Cminus fh a))) at 1 by ring; apply Rle_trans with (1 := Cmod_triangle _ _); rewrite Cmod_opp; lra. }
  assert (Nh : fh <> RtoC 0) by (apply Cmod_gt_0; lra).
  replace (Cminus (Cminus (Cinv fh) (Cinv a)) (Cmult (Copp (Cmult d (Cmult (Cinv a) (Cinv a)))) h))
    with (Cmult (Cmult (Cinv a) (Cinv a)) (Cplus (Copp (Cminus (Cminus fh a) (Cmult d h)))
            (Cmult (Cinv fh) (Cmult (Cminus fh a) (Cminus fh a))))) by (field; split; assumption).
  rewrite !Cmod_mult, !Cmod_inv by exact N; fold m.
  rewrite (Rmult_assoc _ (K + 2 * / m * L * L)); apply Rmult_le_compat_l; [lra|].
  apply Rle_trans with (1 := Cmod_triangle _ _); rewrite Cmod_opp, !Cmod_mult, Cmod_inv by exact Nh.
  assert (Ih : / Cmod fh <= 2 * / m).
  { replace (2 * / m) with (/ (m / 2)) by (field; lra); apply Rinv_le_contravar; lra. }
  pose proof (Rmult_le_compat _ _ _ _ (Cmod_ge_0 _) (Cmod_ge_0 _) Nf Nf) as Q.
  assert (Q0 : 0 <= Cmod (Cminus fh a) * Cmod (Cminus fh a)) by (apply Rmult_le_pos; apply Cmod_ge_0).
  assert (0 <= / Cmod fh) by (left; apply Rinv_0_lt_compat; lra).
  pose proof (Rmult_le_compat _ _ _ _ H3 Q0 Ih Q); lra.
Qed.

(** ** The exponential *)
Lemma exp_step x : 0 <= x <= 1 -> exp x - 1 <= 3 * x.
Proof.
  intros [[H | <-] H1]; [|rewrite exp_0; lra].
  destruct (MVT_cor2 exp exp 0 x H) as (c & E & C1 & C2); [intros; apply derivable_pt_lim_exp|].
  rewrite exp_0, Rminus_0_r in E; rewrite E; apply Rmult_le_compat_r; [lra|].
  apply Rle_trans with (exp 1); [apply Elementary.exp_le; lra|apply exp_le_3].
Qed.

Lemma exp_remainder a : Rabs a <= 1 -> Rabs (exp a - 1 - a) <= 3 * (Rabs a * Rabs a).
Proof.
  intros Ha; destruct (MVT_abs (fun t => exp t - t) (fun t => exp t - 1) 0 a) as (c & E & Hc).
  - intros c _; apply derivable_pt_lim_minus; [apply derivable_pt_lim_exp|apply derivable_pt_lim_id].
  - rewrite exp_0, !Rminus_0_r in E; replace (exp a - 1 - a) with (exp a - a - 1) by ring; rewrite E.
    assert (Rabs c <= Rabs a).
    { unfold Rmin, Rmax, Rabs in *; repeat destruct Rle_dec; repeat destruct Rcase_abs; lra. }
    pose proof (exp_near c (Rabs c) (Rle_refl _)) as N; pose proof (Rabs_pos c); pose proof (exp_step (Rabs c) ltac:(lra)).
    rewrite <- Rmult_assoc; apply Rmult_le_compat_r; [apply Rabs_pos|lra].
Qed.

Lemma sin_remainder b : Rabs b <= 1 -> Rabs (sin b - b) <= Rabs b * Rabs b.
Proof.
  intros Hb; destruct (MVT_abs (fun t => sin t - t) (fun t => cos t - 1) 0 b) as (c & E & Hc).
  - intros c _; apply derivable_pt_lim_minus; [apply derivable_pt_lim_sin|apply derivable_pt_lim_id].
  - rewrite sin_0, !Rminus_0_r in E; rewrite E; apply Rmult_le_compat_r; [apply Rabs_pos|].
    assert (Rabs c <= Rabs b).
    { unfold Rmin, Rmax, Rabs in *; repeat destruct Rle_dec; repeat destruct Rcase_abs; lra. }
    pose proof (cos_ge c); pose proof (COS_bound c); rewrite Rabs_left1 by lra.
    assert (c * c = Rabs c * Rabs c) by (rewrite <- Rabs_mult, Rabs_pos_eq; [reflexivity|apply Rle_0_sqr]).
    pose proof (Rabs_pos c); pose proof (Rmult_le_compat_l _ _ _ H3 (Rle_trans _ _ _ H Hb)); lra.
Qed.

Lemma cexp_remainder h : Cmod h <= 1 -> Cmod (Cminus (Cminus (cexp h) (RtoC 1)) h) <= 20 * (Cmod h * Cmod h).
Proof.
  destruct h as [a b]; intros H; pose proof (Rmax_Cmod (a, b)) as M; simpl in M.
  pose proof (Rmax_l (Rabs a) (Rabs b)); pose proof (Rmax_r (Rabs a) (Rabs b)); set (m := Cmod (a, b)) in *.
  pose proof (Rabs_pos a) as Pa; pose proof (Rabs_pos b) as Pb; assert (Ha : Rabs a <= m) by lra; assert (Hb : Rabs b <= m) by lra.
  pose proof (Rmult_le_compat _ _ _ _ Pa Pa Ha Ha) as Aa; pose proof (Rmult_le_compat _ _ _ _ Pb Pb Hb Hb) as Bb.
  pose proof (Rmult_le_compat _ _ _ _ Pa Pb Ha Hb) as Ab; assert (M0 : 0 <= m * m) by (apply Rmult_le_pos; lra).
  pose proof (exp_remainder a ltac:(lra)) as Ea; pose proof (sin_remainder b ltac:(lra)) as Sb.
  assert (E3 : 0 < exp a <= 3).
  { split; [apply exp_pos|apply Rle_trans with (exp 1); [apply Elementary.exp_le; pose proof (Rle_abs a); lra|apply exp_le_3]]. }
  assert (Ea1 : Rabs (exp a - 1) <= 4 * Rabs a).
  { replace (exp a - 1) with ((exp a - 1 - a) + a) by ring; apply Rle_trans with (1 := Rabs_triang _ _).
    pose proof (Rmult_le_compat_l _ _ _ Pa (Rle_trans _ _ _ Ha H)); lra. }
  assert (Sb1 : Rabs (sin b) <= 2 * Rabs b).
  { replace (sin b) with ((sin b - b) + b) by ring; apply Rle_trans with (1 := Rabs_triang _ _).
    pose proof (Rmult_le_compat_l _ _ _ Pb (Rle_trans _ _ _ Hb H)); lra. }
  assert (Cb : Rabs (cos b - 1) <= m * m).
  { pose proof (cos_ge b); pose proof (COS_bound b); rewrite Rabs_left1 by lra.
    assert (b * b = Rabs b * Rabs b) by (rewrite <- Rabs_mult, Rabs_pos_eq; [reflexivity|apply Rle_0_sqr]); lra. }
  assert (Re : Rabs (exp a * cos b - 1 - a) <= 6 * (m * m)).
  { replace (exp a * cos b - 1 - a) with ((exp a - 1 - a) + exp a * (cos b - 1)) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _); rewrite Rabs_mult, (Rabs_pos_eq (exp a)) by lra.
    pose proof (Rmult_le_compat _ _ _ _ (Rlt_le _ _ (proj1 E3)) (Rabs_pos (cos b - 1)) (proj2 E3) Cb); lra. }
  assert (Im : Rabs (exp a * sin b - 0 - b) <= 9 * (m * m)).
  { replace (exp a * sin b - 0 - b) with ((exp a - 1) * sin b + (sin b - b)) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _); rewrite Rabs_mult.
    pose proof (Rmult_le_compat _ _ _ _ (Rabs_pos _) (Rabs_pos _) Ea1 Sb1); lra. }
  change (norm (exp a * cos b - 1 - a) (exp a * sin b - 0 - b) <= 20 * (m * m)).
  assert (0 <= 9 * (m * m)) by lra.
  apply Rle_trans with (norm (9 * (m * m)) (9 * (m * m))); [apply norm_mono; lra|].
  rewrite norm_constant by assumption; pose proof (Rmult_le_compat_r _ _ _ H2 sqrt_2_le); lra.
Qed.

(** e^(c x) *)
Lemma cderive_exp c z : cderive (fun x => cexp (Cmult c x)) z (Cmult c (cexp (Cmult c z))).
Proof.
  set (m := Cmod c); pose proof (Cmod_ge_0 c) as Hm; fold m in Hm; set (w := cexp (Cmult c z)); pose proof (Cmod_ge_0 w) as Hw.
  exists (Cmod w * (20 * (m * m))), (/ (m + 1)); assert (0 <= m * m) by (apply Rmult_le_pos; lra).
  split; [apply Rmult_le_pos; lra|split; [apply Rinv_0_lt_compat; lra|]]; intros h Hh.
  assert (Hc : Cmod (Cmult c h) <= 1).
  { rewrite Cmod_mult; fold m; apply Rle_trans with ((m + 1) * / (m + 1)); [apply Rmult_le_compat; try lra; apply Cmod_ge_0|right; field; lra]. }
  replace (Cmult c (Cplus z h)) with (Cplus (Cmult c z) (Cmult c h)) by ring; rewrite cexp_plus; fold w.
  replace (Cminus (Cminus (Cmult w (cexp (Cmult c h))) w) (Cmult (Cmult c w) h))
    with (Cmult w (Cminus (Cminus (cexp (Cmult c h)) (RtoC 1)) (Cmult c h))) by ring.
  rewrite Cmod_mult, Rmult_assoc; apply Rmult_le_compat_l; [exact Hw|].
  apply Rle_trans with (1 := cexp_remainder _ Hc); rewrite Cmod_mult; fold m; right; ring.
Qed.

(** ** Discretizations *)
Definition two := RtoC 2.
Lemma two_nonzero : two <> RtoC 0.
Proof. intros E; apply RtoC_inj in E; lra. Qed.
Lemma two_eq : two = Cplus (RtoC 1) (RtoC 1).
Proof. unfold two; rewrite <- RtoC_plus; f_equal; ring. Qed.
Definition half_product (e a : C) := Cdiv (Cmult e a) two.
Definition cbilinear_a (a e : C) := Cmult (Cplus (RtoC 1) (half_product e a)) (Cinv (Cminus (RtoC 1) (half_product e a))).
Definition cbilinear_b (a d : C) := Cmult d (Cinv (Cminus (RtoC 1) (half_product d a))).
Definition czoh_a (a e : C) := cexp (Cmult e a).
Definition czoh_b (a d : C) := Cmult (Cminus (cexp (Cmult d a)) (RtoC 1)) (Cinv a).

Lemma cderive_half e a : cderive (fun x => half_product e x) a (Cdiv e two).
Proof.
  apply cderive_ext with (fun x => Cmult (Cdiv e two) x); [intros; unfold half_product, Cdiv; ring|].
  apply cderive_eq with (2 := cderive_mult _ _ _ _ _ (cderive_const (Cdiv e two) a) (cderive_id a)); ring.
Qed.
Lemma half_swap e a : half_product e a = half_product a e.
Proof. unfold half_product, Cdiv; ring. Qed.
Lemma cderive_minus f g z d e : cderive f z d -> cderive g z e -> cderive (fun x => Cminus (f x) (g x)) z (Cminus d e).
Proof.
  intros Df Dg; apply cderive_ext with (fun x => Cplus (f x) (Cmult (Copp (RtoC 1)) (g x))); [intros; ring|].
  apply cderive_eq with (2 := cderive_plus _ _ _ _ _ Df (cderive_mult _ _ _ _ _ (cderive_const (Copp (RtoC 1)) z) Dg)); ring.
Qed.

Section Bilinear.
Variables a e : C.
Let den := Cminus (RtoC 1) (half_product e a).
Hypothesis no_pole : den <> RtoC 0.
Let r := Cinv den.

Lemma cderive_den : cderive (fun x => Cminus (RtoC 1) (half_product e x)) a (Copp (Cdiv e two)).
Proof. apply cderive_eq with (2 := cderive_minus _ _ _ _ _ (cderive_const (RtoC 1) a) (cderive_half e a)); ring. Qed.
Lemma cderive_den_e : cderive (fun x => Cminus (RtoC 1) (half_product x a)) e (Copp (Cdiv a two)).
Proof.
  apply cderive_ext with (fun x => Cminus (RtoC 1) (half_product a x)); [intros; rewrite half_swap; reflexivity|].
  apply cderive_eq with (2 := cderive_minus _ _ _ _ _ (cderive_const (RtoC 1) e) (cderive_half a e)); ring.
Qed.

Theorem complex_bilinear_a_da : cderive (fun x => cbilinear_a x e) a (Cmult e (Cmult r r)).
Proof.
  apply cderive_eq with (2 := cderive_mult _ _ _ _ _ (cderive_plus _ _ _ _ _ (cderive_const (RtoC 1) a) (cderive_half e a))
    (cderive_inv _ _ _ cderive_den no_pole)); fold den r.
  replace (Cplus (RtoC 1) (half_product e a)) with (Cminus two den) by (unfold den; rewrite two_eq; ring).
  unfold r; field; split; [exact no_pole|exact two_nonzero].
Qed.

Theorem complex_bilinear_a_de : cderive (fun x => cbilinear_a a x) e (Cmult a (Cmult r r)).
Proof.
  assert (H : cderive (fun x => half_product x a) e (Cdiv a two)).
  { apply cderive_ext with (fun x => half_product a x); [intros; rewrite half_swap; reflexivity|apply cderive_half]. }
  apply cderive_eq with (2 := cderive_mult _ _ _ _ _ (cderive_plus _ _ _ _ _ (cderive_const (RtoC 1) e) H)
    (cderive_inv _ _ _ cderive_den_e no_pole)); fold den r.
  replace (Cplus (RtoC 1) (half_product e a)) with (Cminus two den) by (unfold den; rewrite two_eq; ring).
  unfold r; field; split; [exact no_pole|exact two_nonzero].
Qed.

Theorem complex_bilinear_b_dd : cderive (fun x => cbilinear_b a x) e (Cmult r r).
Proof.
  apply cderive_eq with (2 := cderive_mult _ _ _ _ _ (cderive_id e) (cderive_inv _ _ _ cderive_den_e no_pole)); fold den r.
  replace (Cmult e (Copp (Cmult (Copp (Cdiv a two)) (Cmult r r)))) with (Cmult (Cminus (RtoC 1) den) (Cmult r r)).
  - unfold r; field; exact no_pole.
  - unfold den, half_product; field; exact two_nonzero.
Qed.

Theorem complex_bilinear_b_da : cderive (fun x => cbilinear_b x e) a (Cmult (Cdiv (Cmult e e) two) (Cmult r r)).
Proof.
  apply cderive_eq with (2 := cderive_mult _ _ _ _ _ (cderive_const e a) (cderive_inv _ _ _ cderive_den no_pole)); fold den r.
  field; exact two_nonzero.
Qed.
End Bilinear.

Theorem complex_zoh_a_da a e : cderive (fun x => czoh_a x e) a (Cmult e (czoh_a a e)).
Proof. apply cderive_exp. Qed.

Lemma cderive_exp_swapped a e : cderive (fun x => cexp (Cmult x a)) e (Cmult a (cexp (Cmult e a))).
Proof.
  rewrite (Cmult_comm e a); apply cderive_ext with (fun x => cexp (Cmult a x)); [intros; rewrite Cmult_comm; reflexivity|apply cderive_exp].
Qed.

Theorem complex_zoh_a_de a e : cderive (fun x => czoh_a a x) e (Cmult a (czoh_a a e)).
Proof. apply cderive_exp_swapped. Qed.

Theorem complex_zoh_b_dd a d : a <> RtoC 0 -> cderive (fun x => czoh_b a x) d (czoh_a a d).
Proof.
  intros N; apply cderive_eq with (2 := cderive_mult _ _ _ _ _ (cderive_minus _ _ _ _ _ (cderive_exp_swapped a d) (cderive_const (RtoC 1) d)) (cderive_const (Cinv a) d)).
  unfold czoh_a; set (w := cexp (Cmult d a)); clearbody w; field; exact N.
Qed.

Theorem complex_zoh_b_da a d : a <> RtoC 0 ->
  cderive (fun x => czoh_b x d) a (Cdiv (Cminus (Cmult d (czoh_a a d)) (czoh_b a d)) a).
Proof.
  intros N; apply cderive_eq with (2 := cderive_mult _ _ _ _ _ (cderive_minus _ _ _ _ _ (cderive_exp d a) (cderive_const (RtoC 1) a))
    (cderive_inv _ _ _ (cderive_id a) N)).
  unfold czoh_a, czoh_b; set (w := cexp (Cmult d a)); clearbody w; field; exact N.
Qed.
