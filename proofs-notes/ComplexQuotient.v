(** Complex quotients, norm-wise.

    Main results: [complex_quotient_rule]: the quotient of inexact values; [conjugate_quotient], [smith_quotient], [scaled_quotient]: what
    its own roundings add in units of v |x / y|: 5.4 by the conjugate over |y|^2 (6.4 where 1 / |y|^2 is formed first), 5.5 and
    6.5 by Smith's method, 8.5 where x and y are scaled first (cuCdivf). [complex_product_rule]: the product of inexact values.
    The quotients' roundings are relative: no operation underflows or overflows. v <= 2^-12.
    Depends on: Complex, ComplexNode, Coquelicot. *)
From Coq Require Import Reals ZArith Lra Psatz.
From Flocq Require Import Core.
From Coquelicot Require Import Complex.
From Exactscan Require Import RoundingIEEE Complex ComplexNode.
Open Scope R_scope.

Lemma Cmod_near (xh x : C) e : Cmod (Cminus xh x) <= e -> Cmod xh <= Cmod x + e.
Proof.
  intros H; replace xh with (Cplus x (Cminus xh x)) by ring; apply Rle_trans with (1 := Cmod_triangle _ _); lra.
Qed.

Theorem complex_quotient_rule (x xh y yh : C) ex ey : 0 < Cmod y - ey -> Cmod (Cminus xh x) <= ex -> Cmod (Cminus yh y) <= ey ->
  Cmod (Cminus (Cdiv xh yh) (Cdiv x y)) <= (ex + Cmod (Cdiv x y) * ey) / (Cmod y - ey).
Proof.
  intros Hd Ex Ey; pose proof (Cmod_ge_0 (Cminus yh y)) as P.
  assert (Hyh : Cmod y - ey <= Cmod yh).
  { assert (E : Cmod (Cminus y yh) <= ey) by (rewrite <- Cmod_opp; replace (Copp (Cminus y yh)) with (Cminus yh y) by ring; exact Ey).
    pose proof (Cmod_near _ _ _ E); lra. }
  assert (Ny : y <> RtoC 0) by (apply Cmod_gt_0; lra); assert (Nyh : yh <> RtoC 0) by (apply Cmod_gt_0; lra).
  replace (Cminus (Cdiv xh yh) (Cdiv x y)) with (Cdiv (Cminus (Cminus xh x) (Cmult (Cdiv x y) (Cminus yh y))) yh) by (field; split; assumption).
  rewrite Cmod_div by exact Nyh; unfold Rdiv; apply Rmult_le_compat;
    [apply Cmod_ge_0|left; apply Rinv_0_lt_compat; lra| |apply Rinv_le_contravar; lra].
  unfold Cminus at 1; apply Rle_trans with (1 := Cmod_triangle _ _); rewrite Cmod_opp, Cmod_mult.
  pose proof (Rmult_le_compat_l _ _ _ (Cmod_ge_0 (Cdiv x y)) Ey); lra.
Qed.

Theorem complex_product_rule prec emin choice ftz {prec_pos : Prec_gt_0 prec} (x xh y yh z : C) ex ey : v prec <= / 4096 ->
  Cmod (Cminus xh x) <= ex -> Cmod (Cminus yh y) <= ey ->
  part prec emin choice ftz (re1 (fst xh) (fst yh)) (re2 (snd xh) (snd yh)) (fst z) ->
  part prec emin choice ftz (im1 (fst xh) (snd yh)) (im2 (snd xh) (fst yh)) (snd z) ->
  let X := Cmod x + ex in let Y := Cmod y + ey in
  Cmod (Cminus z (Cmult x y)) <= Cmod x * ey + ex * Y + mu * v prec * (X * Y) + complex_kmul prec emin ftz.
Proof.
  intros Hv Ex Ey Hr Hi X Y; pose proof (complex_product_error prec emin choice ftz _ _ _ _ Hv _ _ Hr Hi) as B.
  change (norm (fst z - (fst xh * fst yh - snd xh * snd yh)) (snd z - (fst xh * snd yh + snd xh * fst yh)))
    with (Cmod (Cminus z (Cmult xh yh))) in B.
  change (size (fst xh) (snd xh) (fst yh) (snd yh)) with (Cmod (fst xh, snd xh) * Cmod (fst yh, snd yh)) in B.
  rewrite <- !surjective_pairing in B; pose proof (Cmod_near _ _ _ Ex) as Hx; pose proof (Cmod_near _ _ _ Ey) as Hy.
  fold X in Hx; fold Y in Hy; pose proof (Cmod_ge_0 xh); pose proof (Cmod_ge_0 yh); pose proof (v_pos prec) as V0.
  assert (S : Cmod xh * Cmod yh <= X * Y) by (apply Rmult_le_compat; assumption).
  assert (Hmv : 0 <= mu * v prec) by (unfold mu; lra); pose proof (Rmult_le_compat_l _ _ _ Hmv S).
  assert (D : Cmod (Cminus (Cmult xh yh) (Cmult x y)) <= Cmod x * ey + ex * Y).
  { replace (Cminus (Cmult xh yh) (Cmult x y)) with (Cplus (Cmult x (Cminus yh y)) (Cmult (Cminus xh x) yh)) by ring.
    apply Rle_trans with (1 := Cmod_triangle _ _); rewrite !Cmod_mult.
    apply Rplus_le_compat; apply Rmult_le_compat; auto using Cmod_ge_0; lra. }
  replace (Cminus z (Cmult x y)) with (Cplus (Cminus z (Cmult xh yh)) (Cminus (Cmult xh yh) (Cmult x y))) by ring.
  apply Rle_trans with (1 := Cmod_triangle _ _); lra.
Qed.

(** ** The quotient's own roundings *)
Section Quotient.
Variable v : R.
Hypothesis v0 : 0 <= v.
Hypothesis small : v <= / 4096.

Definition rnd x r := exists d, r = x * (1 + d) /\ Rabs d <= v.
(** x + y, both rounded or one fused. *)
Inductive rsum x y r : Prop :=
| rsum_separate p q : rnd x p -> rnd y q -> rnd (p + q) r -> rsum x y r
| rsum_fused_l q : rnd y q -> rnd (x + q) r -> rsum x y r
| rsum_fused_r p : rnd x p -> rnd (p + y) r -> rsum x y r.
(** A number s and a product x. *)
Inductive radd s x r : Prop :=
| radd_separate p : rnd x p -> rnd (s + p) r -> radd s x r
| radd_fused : rnd (s + x) r -> radd s x r.
(** n / d, or n times a rounded 1 / d. *)
Inductive rdiv n d r : Prop :=
| rdiv_quotient : rnd (n / d) r -> rdiv n d r.
Inductive rdiv2 n d r : Prop :=
| rdiv_reciprocal t : rnd (/ d) t -> rnd (n * t) r -> rdiv2 n d r.

Lemma rnd_error x r : rnd x r -> Rabs (r - x) <= v * Rabs x.
Proof.
  intros (d & -> & Hd); replace (x * (1 + d) - x) with (d * x) by ring; rewrite Rabs_mult; apply Rmult_le_compat_r; [apply Rabs_pos|exact Hd].
Qed.

Lemma near_abs x y e : Rabs (y - x) <= e -> Rabs y <= Rabs x + e.
Proof. intros H; replace y with (x + (y - x)) by ring; apply Rle_trans with (1 := Rabs_triang _ _); lra. Qed.

Ltac two_sided := repeat match goal with H : Rabs _ <= _ |- _ => apply Rabs_le_inv in H end; apply Rabs_le; split; lra.

Lemma rsum_error x y r : rsum x y r ->
  Rabs (r - (x + y)) <= v * (Rabs x + Rabs y + Rabs (x + y)) + v * v * (Rabs x + Rabs y).
Proof.
  pose proof (Rmult_le_pos _ _ v0 (Rabs_pos x)) as Px; pose proof (Rmult_le_pos _ _ v0 (Rabs_pos y)) as Py.
  pose proof (Rmult_le_pos _ _ v0 Px); pose proof (Rmult_le_pos _ _ v0 Py).
  assert (K : forall s, Rabs (s - (x + y)) <= v * (Rabs x + Rabs y) -> rnd s r ->
    Rabs (r - (x + y)) <= v * (Rabs x + Rabs y + Rabs (x + y)) + v * v * (Rabs x + Rabs y)).
  { intros s Hs Hr; apply rnd_error in Hr; pose proof (Rmult_le_compat_l _ _ _ v0 (near_abs _ _ _ Hs)); two_sided. }
  intros [p q Hp Hq Hr | q Hq Hr | p Hp Hr]; eapply K; try exact Hr.
  - apply rnd_error in Hp; apply rnd_error in Hq; two_sided.
  - apply rnd_error in Hq; two_sided.
  - apply rnd_error in Hp; two_sided.
Qed.

(** x is known up to a rounding: a product with a rounded factor. *)
Lemma radd_error s x xh r : Rabs (xh - x) <= v * Rabs x -> radd s xh r ->
  Rabs (r - (s + x)) <= (2 * v + 4 * (v * v)) * Rabs x + v * Rabs (s + x).
Proof.
  intros Hx; pose proof (Rmult_le_pos _ _ v0 (Rabs_pos x)) as Px; pose proof (Rmult_le_pos _ _ v0 Px) as Pxx.
  pose proof (Rmult_le_compat_r _ _ _ Pxx small); pose proof (near_abs _ _ _ Hx) as Sx.
  assert (K : forall t, Rabs (t - (s + x)) <= (2 * v + v * v) * Rabs x -> rnd t r ->
    Rabs (r - (s + x)) <= (2 * v + 4 * (v * v)) * Rabs x + v * Rabs (s + x)).
  { intros t Ht Hr; apply rnd_error in Hr; pose proof (Rmult_le_compat_l _ _ _ v0 (near_abs _ _ _ Ht)); two_sided. }
  intros [p Hp Hr | Hr]; eapply K; try exact Hr.
  - apply rnd_error in Hp; pose proof (Rmult_le_compat_l _ _ _ v0 Sx); two_sided.
  - two_sided.
Qed.

Lemma ratio nr ni nr' ni' D D' qr qi al be ga : D <> 0 -> 0 <= be < 1 -> 0 <= ga -> 0 <= al ->
  norm (nr' - nr) (ni' - ni) <= al * norm nr ni -> Rabs (D' - D) <= be * Rabs D ->
  norm (qr - nr' / D') (qi - ni' / D') <= ga * norm (nr' / D') (ni' / D') ->
  norm (qr - nr / D) (qi - ni / D) <= ((1 + al) * (1 + ga) / (1 - be) - 1) * norm (nr / D) (ni / D).
Proof.
  intros HD Hb Hg Hal Hn Hd Hq.
  assert (P : 0 < Rabs D) by (apply Rabs_pos_lt; exact HD).
  assert (Hd2 : (1 - be) * Rabs D <= Rabs D').
  { assert (H : Rabs (D - D') <= be * Rabs D) by (rewrite Rabs_minus_sym; exact Hd); pose proof (near_abs _ _ _ H); lra. }
  assert (P' : 0 < (1 - be) * Rabs D) by (apply Rmult_lt_0_compat; lra).
  assert (HD' : D' <> 0) by (intros ->; rewrite Rabs_R0 in Hd2; lra).
  assert (Scale : forall d x y, d <> 0 -> norm (x / d) (y / d) = / Rabs d * norm x y).
  { intros d x y Hdd; rewrite <- norm_scale by (left; apply Rinv_0_lt_compat, Rabs_pos_lt; exact Hdd).
    rewrite <- norm_abs; unfold Rdiv; rewrite !Rabs_mult, Rabs_inv.
    rewrite <- (norm_abs (/ Rabs d * x)), !Rabs_mult, Rabs_inv, Rabs_Rabsolu; f_equal; ring. }
  set (M := norm nr ni) in *; assert (HM : 0 <= M) by apply norm_pos.
  assert (I : / Rabs D' <= / ((1 - be) * Rabs D)) by (apply Rinv_le_contravar; lra).
  assert (EI : / ((1 - be) * Rabs D) = / (1 - be) * / Rabs D) by (field; lra).
  assert (Ib : 0 < / (1 - be)) by (apply Rinv_0_lt_compat; lra); assert (Id : 0 < / Rabs D) by (apply Rinv_0_lt_compat; lra).
  assert (Id' : 0 < / Rabs D') by (apply Rinv_0_lt_compat; lra).
  assert (B0 : (1 - be) * / (1 - be) = 1) by (apply Rinv_r; lra).
  (* the computed numerator and denominator, exactly divided *)
  assert (N' : norm (nr' / D') (ni' / D') <= (1 + al) * / (1 - be) * (/ Rabs D * M)).
  { rewrite Scale by exact HD'.
    assert (norm nr' ni' <= (1 + al) * M).
    { replace nr' with (nr + (nr' - nr)) by ring; replace ni' with (ni + (ni' - ni)) by ring.
      apply Rle_trans with (1 := norm_triangle _ _ _ _); fold M; lra. }
    apply Rle_trans with (/ ((1 - be) * Rabs D) * ((1 + al) * M)); [apply Rmult_le_compat; try apply norm_pos; lra|].
    rewrite EI; right; ring. }
  assert (E1 : norm (nr' / D' - nr / D) (ni' / D' - ni / D) <= (al + be) * / (1 - be) * (/ Rabs D * M)).
  { replace (nr' / D' - nr / D) with ((nr' - nr) / D' + (nr * (D - D') / D) / D') by (field; split; assumption).
    replace (ni' / D' - ni / D) with ((ni' - ni) / D' + (ni * (D - D') / D) / D') by (field; split; assumption).
    apply Rle_trans with (1 := norm_triangle _ _ _ _); rewrite !Scale by exact HD'.
    assert (norm (nr * (D - D') / D) (ni * (D - D') / D) <= be * M).
    { rewrite Scale by exact HD; rewrite <- (norm_abs (nr * _)), !Rabs_mult, !(Rmult_comm _ (Rabs (D - D'))), norm_scale, norm_abs by apply Rabs_pos.
      fold M; rewrite (Rabs_minus_sym D).
      apply Rle_trans with (/ Rabs D * (be * Rabs D * M)); [apply Rmult_le_compat_l; [lra|apply Rmult_le_compat_r; assumption]|].
      right; field; lra. }
    pose proof (norm_pos (nr' - nr) (ni' - ni)); pose proof (norm_pos (nr * (D - D') / D) (ni * (D - D') / D)).
    apply Rle_trans with (/ ((1 - be) * Rabs D) * (al * M + be * M)); [|rewrite EI; right; ring].
    rewrite <- Rmult_plus_distr_l; apply Rmult_le_compat; lra. }
  rewrite (Scale D) by exact HD; fold M.
  replace (qr - nr / D) with ((qr - nr' / D') + (nr' / D' - nr / D)) by ring.
  replace (qi - ni / D) with ((qi - ni' / D') + (ni' / D' - ni / D)) by ring.
  apply Rle_trans with (1 := norm_triangle _ _ _ _).
  pose proof (Rmult_le_compat_l _ _ _ Hg N').
  set (Z := / Rabs D * M) in *; assert (HZ : 0 <= Z) by (apply Rmult_le_pos; lra).
  apply Rle_trans with (ga * ((1 + al) * / (1 - be) * Z) + (al + be) * / (1 - be) * Z); [lra|].
  right; unfold Rdiv; replace ((al + be) * / (1 - be)) with ((1 + al) * / (1 - be) - 1); [ring|].
  replace ((al + be) * / (1 - be)) with (((1 + al) - (1 - be)) * / (1 - be)) by ring; rewrite Rmult_minus_distr_r, B0; ring.
Qed.

Lemma rdiv_error n d r : rdiv n d r -> Rabs (r - n / d) <= v * Rabs (n / d).
Proof. intros [H]; apply rnd_error, H. Qed.
Lemma rdiv2_error n d r : rdiv2 n d r -> Rabs (r - n / d) <= (2 * v + v * v) * Rabs (n / d).
Proof.
  intros [t (d1 & -> & H1) (d2 & -> & H2)].
  replace (n * (/ d * (1 + d1)) * (1 + d2) - n / d) with ((d1 + d2 + d1 * d2) * (n / d)) by (unfold Rdiv; ring).
  rewrite Rabs_mult; apply Rmult_le_compat_r; [apply Rabs_pos|].
  apply Rle_trans with (1 := Rabs_triang _ _); rewrite Rabs_mult; pose proof (Rabs_triang d1 d2).
  pose proof (Rmult_le_compat _ _ _ _ (Rabs_pos d1) (Rabs_pos d2) H1 H2); lra.
Qed.

Lemma parts_divided k nr ni D qr qi : 0 <= k -> Rabs (qr - nr / D) <= k * Rabs (nr / D) -> Rabs (qi - ni / D) <= k * Rabs (ni / D) ->
  norm (qr - nr / D) (qi - ni / D) <= k * norm (nr / D) (ni / D).
Proof. intros Hk H1 H2; rewrite <- (norm_abs (nr / D)), <- norm_scale by exact Hk; apply norm_mono; assumption. Qed.

Variables xr xi yr yi : R.
Notation x := ((xr, xi) : C).
Notation y := ((yr, yi) : C).
Hypothesis nonzero : y <> RtoC 0.

Lemma square_pos : 0 < yr * yr + yi * yi.
Proof.
  pose proof (Cmod_gt_0 y) as [H _]; specialize (H nonzero); change (Cmod y) with (norm yr yi) in H.
  rewrite <- norm_square; apply Rmult_lt_0_compat; exact H.
Qed.

(** x conj(y) over |y|^2; [two]: with the reciprocal of |y|^2. *)
Definition conjugate (two : bool) qr qi := exists nr ni D,
  rsum (xr * yr) (xi * yi) nr /\ rsum (- (xr * yi)) (xi * yr) ni /\ rsum (yr * yr) (yi * yi) D /\
  (if two then rdiv2 nr D qr /\ rdiv2 ni D qi else rdiv nr D qr /\ rdiv ni D qi).

Theorem conjugate_quotient two qr qi : conjugate two qr qi ->
  Cmod (Cminus (qr, qi) (Cdiv x y)) <= (if two then 64 / 10 else 54 / 10) * v * Cmod (Cdiv x y).
Proof.
  intros (nr & ni & D & Hr & Hi & HD & Hq); pose proof square_pos as P.
  set (n1 := xr * yr + xi * yi); set (n2 := - (xr * yi) + xi * yr); set (d := yr * yr + yi * yi) in *.
  assert (Q : Cdiv x y = (n1 / d, n2 / d)).
  { unfold Cdiv, Cinv, Cmult, n1, n2, d; simpl; f_equal; field; unfold d in P; lra. }
  rewrite Q; change (Cmod (n1 / d, n2 / d)) with (norm (n1 / d) (n2 / d)).
  change (Cmod (Cminus (qr, qi) (n1 / d, n2 / d))) with (norm (qr - n1 / d) (qi - n2 / d)).
  apply rsum_error in Hr; apply rsum_error in Hi; apply rsum_error in HD.
  fold n1 in Hr; fold n2 in Hi; fold d in HD.
  pose proof (Rmult_le_pos _ _ v0 v0) as Hvv; pose proof (Rmult_le_compat_r _ _ _ v0 small) as Hs.
  assert (Dn : Rabs (D - d) <= (2 * v + v * v) * Rabs d).
  { pose proof (Rle_0_sqr yr) as A; pose proof (Rle_0_sqr yi) as B; unfold Rsqr in A, B.
    rewrite (Rabs_pos_eq (yr * yr)), (Rabs_pos_eq (yi * yi)) in HD by assumption; fold d in HD; rewrite (Rabs_pos_eq d) in * by lra.
    apply Rle_trans with (1 := HD); right; ring. }
  assert (N : norm (nr - n1) (ni - n2) <= 231 / 100 * v * norm n1 n2).
  { assert (S : norm n1 n2 = size xr xi yr (- yi)).
    { rewrite <- size_product; unfold re1, re2, im1, im2, n1, n2; f_equal; ring. }
    rewrite S; pose proof (worst_norm xr xi yr (- yi)) as W; pose proof (parts_norm xr xi yr (- yi)) as Pn.
    unfold re1, re2, im1, im2 in W, Pn.
    replace (- (xi * - yi)) with (xi * yi) in W, Pn by ring; replace (xr * - yi) with (- (xr * yi)) in W, Pn by ring.
    fold n1 n2 in W.
    pose proof (size_pos xr xi yr (- yi)) as S0; pose proof worst_le as Wl; pose proof sqrt_2_le as Sl.
    apply Rle_trans with (norm (v * (Rabs (xr * yr) + Rabs (xi * yi) + Rabs n1) + v * v * (Rabs (xr * yr) + Rabs (xi * yi)))
                               (v * (Rabs (- (xr * yi)) + Rabs (xi * yr) + Rabs n2) + v * v * (Rabs (- (xr * yi)) + Rabs (xi * yr)))).
    - apply norm_mono; assumption.
    - apply Rle_trans with (1 := norm_triangle _ _ _ _); rewrite !norm_scale by assumption.
      pose proof (Rmult_le_compat_l _ _ _ v0 W); pose proof (Rmult_le_compat_l _ _ _ Hvv Pn).
      pose proof (Rmult_le_compat_r _ _ _ (Rmult_le_pos _ _ v0 S0) Wl); pose proof (Rmult_le_compat_r _ _ _ (Rmult_le_pos _ _ Hvv S0) Sl).
      pose proof (Rmult_le_compat_r _ _ _ S0 Hs); pose proof (Rmult_le_pos _ _ v0 S0); lra. }
  assert (HN : 0 <= norm (n1 / d) (n2 / d)) by apply norm_pos; assert (Hdn : d <> 0) by (apply Rgt_not_eq; lra).
  assert (Hb : 0 <= 2 * v + v * v < 1) by lra; assert (Ha : 0 <= 231 / 100 * v) by lra.
  assert (Dinv : 0 < / (1 - (2 * v + v * v))) by (apply Rinv_0_lt_compat; lra).
  assert (Fin : forall ga k, (1 + 231 / 100 * v) * (1 + ga) <= (1 + k) * (1 - (2 * v + v * v)) ->
    (1 + 231 / 100 * v) * (1 + ga) / (1 - (2 * v + v * v)) - 1 <= k).
  { intros ga k H; apply Rmult_le_compat_r with (r := / (1 - (2 * v + v * v))) in H; [|lra].
    rewrite (Rmult_assoc (1 + k)), Rinv_r in H by lra; unfold Rdiv; lra. }
  pose proof (Rmult_le_pos _ _ v0 Hvv) as Hv3; pose proof (Rmult_le_compat_r _ _ _ Hvv small).
  destruct two; destruct Hq as [Hq1 Hq2].
  - apply rdiv2_error in Hq1; apply rdiv2_error in Hq2; pose proof (parts_divided (2 * v + v * v) _ _ _ _ _ ltac:(lra) Hq1 Hq2) as Hq.
    apply Rle_trans with (1 := ratio n1 n2 nr ni d D qr qi _ _ (2 * v + v * v) Hdn Hb ltac:(lra) Ha N Dn Hq).
    apply Rmult_le_compat_r; [exact HN|apply Fin]; lra.
  - apply rdiv_error in Hq1; apply rdiv_error in Hq2; pose proof (parts_divided v _ _ _ _ _ v0 Hq1 Hq2) as Hq.
    apply Rle_trans with (1 := ratio n1 n2 nr ni d D qr qi _ _ _ Hdn Hb v0 Ha N Dn Hq).
    apply Rmult_le_compat_r; [exact HN|apply Fin]; lra.
Qed.
End Quotient.

(** ** Smith's method, and scaled quotients *)
Section Methods.
Variable v : R.
Hypothesis v0 : 0 <= v.
Hypothesis small : v <= / 4096.
Notation rnd := (rnd v).
Notation radd := (radd v).

(** With |yi| <= |yr|. *)
Definition smith_first (two : bool) xr xi yr yi qr qi := Rabs yi <= Rabs yr /\ exists rho nr ni D,
  rnd (yi / yr) rho /\ radd xr (xi * rho) nr /\ radd xi (- (xr * rho)) ni /\ radd yr (yi * rho) D /\
  (if two then rdiv2 v nr D qr /\ rdiv2 v ni D qi else rdiv v nr D qr /\ rdiv v ni D qi).
(** Otherwise with both times -i. *)
Definition smith two xr xi yr yi qr qi :=
  smith_first two xr xi yr yi qr qi \/ smith_first two xi (- xr) yi (- yr) qr qi.

Lemma sqrt_half_le : sqrt (/ 2) <= 70711 / 100000.
Proof. rewrite <- (sqrt_square (70711 / 100000)) by lra; apply sqrt_le_1_alt; lra. Qed.

Lemma scaled_rnd a r rho : rnd r rho -> Rabs (a * rho - a * r) <= v * Rabs (a * r).
Proof.
  intros H; apply rnd_error in H; replace (a * rho - a * r) with (a * (rho - r)) by ring; rewrite !Rabs_mult.
  pose proof (Rmult_le_compat_l _ _ _ (Rabs_pos a) H); lra.
Qed.

Lemma smith_first_error two xr xi yr yi qr qi : ((yr, yi) : C) <> RtoC 0 -> smith_first two xr xi yr yi qr qi ->
  Cmod (Cminus (qr, qi) (Cdiv (xr, xi) (yr, yi))) <= (if two then 65 / 10 else 55 / 10) * v * Cmod (Cdiv (xr, xi) (yr, yi)).
Proof.
  intros Ny (Hle & rho & nr & ni & D & Hrho & Hr & Hi & HD & Hq); pose proof (square_pos yr yi Ny) as P.
  assert (Nr : yr <> 0).
  { intros ->; rewrite Rabs_R0 in Hle; assert (yi = 0) by (apply Rabs_eq_R0; pose proof (Rabs_pos yi); lra); subst; lra. }
  set (r := yi / yr) in *.
  assert (R1 : r * r <= 1).
  { assert (Rabs r <= 1).
    { unfold r, Rdiv; rewrite Rabs_mult, Rabs_inv; assert (0 < Rabs yr) by (apply Rabs_pos_lt; exact Nr).
      apply Rmult_le_reg_r with (Rabs yr); [assumption|]; rewrite Rmult_assoc, Rinv_l by lra; lra. }
    rewrite <- (Rabs_pos_eq (r * r)), Rabs_mult by apply Rle_0_sqr; pose proof (Rabs_pos r); nra. }
  assert (R0 : 0 <= r * r) by apply Rle_0_sqr.
  set (n1 := xr + xi * r); set (n2 := xi + - (xr * r)); set (d := yr + yi * r).
  assert (Ed : d = yr * (1 + r * r)) by (unfold d, r; field; exact Nr).
  assert (Hd : d <> 0) by (rewrite Ed; apply Rmult_integral_contrapositive_currified; [exact Nr|lra]).
  assert (Q : Cdiv (xr, xi) (yr, yi) = (n1 / d, n2 / d)).
  { unfold Cdiv, Cinv, Cmult, n1, n2, d, r; simpl; f_equal; field; repeat split; try exact Nr; lra. }
  rewrite Q; change (Cmod (n1 / d, n2 / d)) with (norm (n1 / d) (n2 / d)).
  change (Cmod (Cminus (qr, qi) (n1 / d, n2 / d))) with (norm (qr - n1 / d) (qi - n2 / d)).
  assert (Mi : Rabs (- (xr * rho) - - (xr * r)) <= v * Rabs (- (xr * r))).
  { replace (- (xr * rho) - - (xr * r)) with (- (xr * rho - xr * r)) by ring; rewrite !Rabs_Ropp; apply scaled_rnd, Hrho. }
  pose proof (radd_error v v0 small xr _ _ _ (scaled_rnd xi _ _ Hrho) Hr) as Er; fold n1 in Er.
  pose proof (radd_error v v0 small xi _ _ _ Mi Hi) as Ei; fold n2 in Ei.
  pose proof (radd_error v v0 small yr _ _ _ (scaled_rnd yi _ _ Hrho) HD) as ED; fold d in ED.
  pose proof (Rmult_le_pos _ _ v0 v0) as Hvv; pose proof (Rmult_le_compat_r _ _ _ v0 small) as Hs.
  pose proof (Rmult_le_compat_r _ _ _ Hvv small) as Hs3; pose proof (Rmult_le_pos _ _ v0 Hvv) as Hv3.
  assert (HM : 0 <= norm n1 n2) by apply norm_pos.
  assert (Small : norm (xi * r) (- (xr * r)) <= 70711 / 100000 * norm n1 n2).
  { apply Rle_trans with (sqrt (/ 2) * norm n1 n2); [|apply Rmult_le_compat_r; [exact HM|apply sqrt_half_le]].
    apply norm_le; [lra|exact HM|rewrite norm_square; unfold n1, n2].
    assert (0 <= (xr * xr + xi * xi) * (1 - r * r)) by (apply Rmult_le_pos; [apply norm_sq|lra]); lra. }
  assert (N : norm (nr - n1) (ni - n2) <= 242 / 100 * v * norm n1 n2).
  { apply Rle_trans with (norm ((2 * v + 4 * (v * v)) * Rabs (xi * r) + v * Rabs n1) ((2 * v + 4 * (v * v)) * Rabs (- (xr * r)) + v * Rabs n2)).
    - apply norm_mono; assumption.
    - apply Rle_trans with (1 := norm_triangle _ _ _ _); rewrite !norm_scale, !norm_abs by lra.
      pose proof (Rmult_le_compat_l (2 * v + 4 * (v * v)) _ _ ltac:(lra) Small).
      pose proof (Rmult_le_pos _ _ v0 HM); pose proof (Rmult_le_compat_r _ _ _ HM Hs); lra. }
  assert (Dn : Rabs (D - d) <= (2 * v + 2 * (v * v)) * Rabs d).
  { assert (2 * Rabs (yi * r) <= Rabs d).
    { replace (yi * r) with (yr * (r * r)) by (unfold r; field; exact Nr); rewrite Ed, !Rabs_mult.
      rewrite (Rabs_pos_eq (1 + r * r)) by lra; rewrite <- (Rabs_mult r r), (Rabs_pos_eq (r * r)) by exact R0.
      pose proof (Rmult_le_compat_l _ _ _ (Rabs_pos yr) R1); lra. }
    pose proof (Rmult_le_compat_l (v + 2 * (v * v)) _ _ ltac:(lra) H); lra. }
  assert (HN : 0 <= norm (n1 / d) (n2 / d)) by apply norm_pos.
  assert (Hb : 0 <= 2 * v + 2 * (v * v) < 1) by lra; assert (Ha : 0 <= 242 / 100 * v) by lra.
  assert (Dinv : 0 < / (1 - (2 * v + 2 * (v * v)))) by (apply Rinv_0_lt_compat; lra).
  assert (Fin : forall ga k, (1 + 242 / 100 * v) * (1 + ga) <= (1 + k) * (1 - (2 * v + 2 * (v * v))) ->
    (1 + 242 / 100 * v) * (1 + ga) / (1 - (2 * v + 2 * (v * v))) - 1 <= k).
  { intros ga k H; apply Rmult_le_compat_r with (r := / (1 - (2 * v + 2 * (v * v)))) in H; [|lra].
    rewrite (Rmult_assoc (1 + k)), Rinv_r in H by lra; unfold Rdiv; lra. }
  destruct two; destruct Hq as [Hq1 Hq2].
  - apply rdiv2_error in Hq1; apply rdiv2_error in Hq2; pose proof (parts_divided (2 * v + v * v) _ _ _ _ _ ltac:(lra) Hq1 Hq2) as Hq.
    apply Rle_trans with (1 := ratio n1 n2 nr ni d D qr qi _ _ (2 * v + v * v) Hd Hb ltac:(lra) Ha N Dn Hq).
    apply Rmult_le_compat_r; [exact HN|apply Fin]; lra.
  - apply rdiv_error in Hq1; apply rdiv_error in Hq2; pose proof (parts_divided v _ _ _ _ _ v0 Hq1 Hq2) as Hq.
    apply Rle_trans with (1 := ratio n1 n2 nr ni d D qr qi _ _ _ Hd Hb v0 Ha N Dn Hq).
    apply Rmult_le_compat_r; [exact HN|apply Fin]; lra.
Qed.

Theorem smith_quotient two xr xi yr yi qr qi : ((yr, yi) : C) <> RtoC 0 -> smith two xr xi yr yi qr qi ->
  Cmod (Cminus (qr, qi) (Cdiv (xr, xi) (yr, yi))) <= (if two then 65 / 10 else 55 / 10) * v * Cmod (Cdiv (xr, xi) (yr, yi)).
Proof.
  intros Ny [H | H]; [apply (smith_first_error two xr xi yr yi qr qi Ny H)|].
  assert (E : forall a b, ((b, - a) : C) = Cmult (a, b) (0, -1)) by (intros; unfold Cmult; simpl; f_equal; ring).
  assert (NI : ((0, -1) : C) <> RtoC 0) by (intros X; injection X; lra).
  assert (Ny' : ((yi, - yr) : C) <> RtoC 0).
  { rewrite E; apply Cmult_neq_0; assumption. }
  replace (Cdiv (xr, xi) (yr, yi)) with (Cdiv (xi, - xr) (yi, - yr)); [apply (smith_first_error two _ _ _ _ _ _ Ny' H)|].
  rewrite (E xr xi), (E yr yi); set (a := (xr, xi) : C); set (b := (yr, yi) : C) in *; set (j := (0, -1) : C) in *; clearbody a b j.
  field; split; assumption.
Qed.

(** x and y times some o, part by part, then by the conjugate. *)
Definition scaled (two : bool) xr xi yr yi qr qi := exists o sxr sxi syr syi, o <> 0 /\
  rnd (o * xr) sxr /\ rnd (o * xi) sxi /\ rnd (o * yr) syr /\ rnd (o * yi) syi /\ conjugate v sxr sxi syr syi two qr qi.

Theorem scaled_quotient two xr xi yr yi qr qi : ((yr, yi) : C) <> RtoC 0 -> scaled two xr xi yr yi qr qi ->
  Cmod (Cminus (qr, qi) (Cdiv (xr, xi) (yr, yi))) <= 85 / 10 * v * Cmod (Cdiv (xr, xi) (yr, yi)).
Proof.
  intros Ny (o & sxr & sxi & syr & syi & No & H1 & H2 & H3 & H4 & Hc).
  assert (Near : forall a b sa sb, rnd (o * a) sa -> rnd (o * b) sb ->
    Cmod (Cminus (sa, sb) (o * a, o * b)) <= v * Cmod (o * a, o * b)).
  { intros a b sa sb Ha Hb; apply rnd_error in Ha; apply rnd_error in Hb.
    change (norm (sa - o * a) (sb - o * b) <= v * norm (o * a) (o * b)).
    rewrite <- (norm_abs (o * a)), <- norm_scale by exact v0; apply norm_mono; assumption. }
  pose proof (Near _ _ _ _ H1 H2) as Nx; pose proof (Near _ _ _ _ H3 H4) as Nyy; clear Near.
  assert (Eo : forall a b, ((o * a, o * b) : C) = Cmult (RtoC o) (a, b)) by (intros; unfold Cmult, RtoC; simpl; f_equal; ring).
  rewrite !Eo in *; set (x := (xr, xi) : C) in *; set (y := (yr, yi) : C) in *; set (sx := (sxr, sxi) : C) in *; set (sy := (syr, syi) : C) in *.
  assert (Oc : RtoC o <> RtoC 0) by (intros X; apply No; injection X; auto).
  set (ox := Cmult (RtoC o) x) in *; set (oy := Cmult (RtoC o) y) in *.
  assert (Noy : oy <> RtoC 0) by (apply Cmult_neq_0; assumption).
  assert (Py : 0 < Cmod oy) by (apply Cmod_gt_0; exact Noy).
  assert (Pyv : 0 < Cmod oy - v * Cmod oy).
  { replace (Cmod oy - v * Cmod oy) with ((1 - v) * Cmod oy) by ring; apply Rmult_lt_0_compat; lra. }
  assert (Eq : Cdiv ox oy = Cdiv x y) by (unfold ox, oy; field; split; assumption).
  pose proof (complex_quotient_rule ox sx oy sy _ _ Pyv Nx Nyy) as B; rewrite Eq in B.
  assert (Nsy : sy <> RtoC 0).
  { apply Cmod_gt_0; pose proof (Cmod_near oy sy (v * Cmod oy)) as X.
    assert (Y : Cmod (Cminus oy sy) <= v * Cmod oy) by (rewrite <- Cmod_opp; replace (Copp (Cminus oy sy)) with (Cminus sy oy) by ring; exact Nyy).
    pose proof (Cmod_near _ _ _ Y); lra. }
  pose proof (conjugate_quotient v v0 small sxr sxi syr syi Nsy two qr qi Hc) as K; fold sx sy in K.
  assert (B2 : Cmod (Cminus (Cdiv sx sy) (Cdiv x y)) <= 201 / 100 * v * Cmod (Cdiv x y)).
  { apply Rle_trans with (1 := B).
    assert (Eox : Cmod ox = Cmod (Cdiv x y) * Cmod oy) by (rewrite <- Eq, Cmod_div by exact Noy; field; lra).
    rewrite Eox; pose proof (Cmod_ge_0 (Cdiv x y)) as Q0; set (k := Cmod (Cdiv x y)) in *.
    replace ((v * (k * Cmod oy) + k * (v * Cmod oy)) / (Cmod oy - v * Cmod oy)) with (2 * v * k * / (1 - v)) by (field; split; lra).
    pose proof (Rmult_le_pos _ _ v0 Q0) as Vk.
    apply Rmult_le_reg_r with (1 - v); [lra|]; rewrite Rmult_assoc, Rinv_l by lra.
    pose proof (Rmult_le_compat_r _ _ _ Vk small); lra. }
  pose proof (Cmod_near _ _ _ B2) as S; pose proof (Cmod_ge_0 (Cdiv x y)) as Q0; pose proof (Rmult_le_pos _ _ v0 Q0) as Vk.
  pose proof (Rmult_le_compat_r _ _ _ Vk small).
  assert (K2 : Cmod (Cminus (qr, qi) (Cdiv sx sy)) <= 64 / 10 * v * Cmod (Cdiv sx sy)).
  { apply Rle_trans with (1 := K), Rmult_le_compat_r; [apply Cmod_ge_0|destruct two; lra]. }
  pose proof (Rmult_le_compat_l (64 / 10 * v) _ _ ltac:(lra) S).
  set (z := (qr, qi) : C) in *; replace (Cminus z (Cdiv x y)) with (Cplus (Cminus z (Cdiv sx sy)) (Cminus (Cdiv sx sy) (Cdiv x y))) by ring.
  apply Rle_trans with (1 := Cmod_triangle _ _); lra.
Qed.
End Methods.
