(** Norms of the parts of a complex product, and a complex sum.

    Main results: [worst_norm], [parts_norm]: with p = |x| + |y| and s = |x + y| for both parts x + y of a product a b,
    the norm of p + s is at most 4 / sqrt 3 |a| |b|, that of p at most sqrt 2 |a| |b|;
    [complex_sum_error]: a sum rounded part by part is absorbed by both addends, as a real one is.
    4 / sqrt 3 is the most that products, sums and fused operations of relative error 1 can lose, in any mixture.
    sqrt 5 (Brent, Percival, Zimmermann 2007) is the most that a product of four products and two sums can lose: not proved here.
    Depends on: Coquelicot. *)
From Coq Require Import Reals Lra Psatz.
From Coquelicot Require Import Complex.
Open Scope R_scope.

Definition norm (x y : R) := Cmod (x, y).

Lemma norm_def x y : norm x y = sqrt (x * x + y * y).
Proof. unfold norm, Cmod; simpl; f_equal; ring. Qed.

Lemma norm_sq x y : 0 <= x * x + y * y.
Proof. pose proof (Rle_0_sqr x); pose proof (Rle_0_sqr y); unfold Rsqr in *; lra. Qed.

Lemma norm_pos x y : 0 <= norm x y. Proof. apply Cmod_ge_0. Qed.

Lemma norm_square x y : norm x y * norm x y = x * x + y * y.
Proof. rewrite norm_def; apply sqrt_def, norm_sq. Qed.

Lemma norm_mono x y x' y' : Rabs x <= x' -> Rabs y <= y' -> norm x y <= norm x' y'.
Proof.
  intros Hx Hy; rewrite !norm_def; apply sqrt_le_1_alt; apply Rplus_le_compat.
  - rewrite <- (Rabs_pos_eq (x * x)), Rabs_mult by (apply Rle_0_sqr); apply Rmult_le_compat; auto using Rabs_pos.
  - rewrite <- (Rabs_pos_eq (y * y)), Rabs_mult by (apply Rle_0_sqr); apply Rmult_le_compat; auto using Rabs_pos.
Qed.

Lemma norm_abs x y : norm (Rabs x) (Rabs y) = norm x y.
Proof. rewrite !norm_def, <- !Rabs_mult, !(Rabs_pos_eq (_ * _)) by apply Rle_0_sqr; reflexivity. Qed.

Lemma norm_triangle x y x' y' : norm (x + x') (y + y') <= norm x y + norm x' y'.
Proof. exact (Cmod_triangle (x, y) (x', y')). Qed.

Lemma norm_scale k x y : 0 <= k -> norm (k * x) (k * y) = k * norm x y.
Proof.
  intros Hk; rewrite !norm_def; replace (k * x * (k * x) + k * y * (k * y)) with (k * k * (x * x + y * y)) by ring.
  rewrite sqrt_mult_alt, sqrt_square; [reflexivity|exact Hk|apply Rmult_le_pos; exact Hk].
Qed.

Lemma norm_constant k : 0 <= k -> norm k k = sqrt 2 * k.
Proof.
  intros Hk; rewrite norm_def; replace (k * k + k * k) with (2 * (k * k)) by ring.
  rewrite sqrt_mult_alt, sqrt_square; lra.
Qed.

(** A bound of the squares is one of the norms. *)
Lemma norm_le x y c n : 0 <= c -> 0 <= n -> x * x + y * y <= c * (n * n) -> norm x y <= sqrt c * n.
Proof.
  intros Hc Hn H; rewrite norm_def; apply Rle_trans with (1 := sqrt_le_1_alt _ _ H).
  rewrite sqrt_mult_alt, sqrt_square by assumption; lra.
Qed.

Lemma abs_sum_same x y : 0 <= x * y -> Rabs (x + y) = Rabs x + Rabs y.
Proof.
  intros H; destruct (Req_dec x 0) as [-> | N]; [rewrite Rabs_R0, !Rplus_0_l; reflexivity|].
  destruct (Rle_or_lt 0 x); [assert (0 <= y) by nra|assert (y <= 0) by nra].
  - rewrite !Rabs_pos_eq; lra.
  - rewrite !Rabs_left1; lra.
Qed.

Lemma abs_sum_opposite x y : x * y <= 0 -> Rabs (x + y) = Rabs (Rabs x - Rabs y).
Proof.
  intros H; destruct (Req_dec x 0) as [-> | N]; [rewrite Rabs_R0, Rplus_0_l, Rminus_0_l, Rabs_Ropp, Rabs_Rabsolu; reflexivity|].
  destruct (Rle_or_lt 0 x); [assert (y <= 0) by nra|assert (0 <= y) by nra].
  - rewrite (Rabs_pos_eq x), (Rabs_left1 y) by lra; f_equal; ring.
  - rewrite (Rabs_left1 x), (Rabs_pos_eq y), <- Rabs_Ropp by lra; f_equal; ring.
Qed.

(** The two parts of a product. *)
Section Product.
Variables ar ai br bi : R.
Definition re1 := ar * br.
Definition re2 := - (ai * bi).
Definition im1 := ar * bi.
Definition im2 := ai * br.
Definition size := norm ar ai * norm br bi.

Lemma size_pos : 0 <= size. Proof. apply Rmult_le_pos; apply norm_pos. Qed.

Lemma size_square : size * size = re1 * re1 + re2 * re2 + (im1 * im1 + im2 * im2).
Proof.
  unfold size; replace (norm ar ai * norm br bi * (norm ar ai * norm br bi))
    with ((norm ar ai * norm ar ai) * (norm br bi * norm br bi)) by ring.
  rewrite !norm_square; unfold re1, re2, im1, im2; ring.
Qed.

Lemma size_product : norm (re1 + re2) (im1 + im2) = size.
Proof.
  unfold size, norm; rewrite <- Cmod_mult; f_equal; unfold Cmult, re1, re2, im1, im2; simpl; f_equal; ring.
Qed.

Lemma parts_abs : Rabs re1 * Rabs re2 = Rabs im1 * Rabs im2.
Proof. rewrite <- !Rabs_mult, <- Rabs_Ropp; f_equal; unfold re1, re2, im1, im2; ring. Qed.

Theorem parts_norm : norm (Rabs re1 + Rabs re2) (Rabs im1 + Rabs im2) <= sqrt 2 * size.
Proof.
  apply norm_le; [lra|apply size_pos|rewrite size_square].
  assert (Sq : forall x, x * x = Rabs x * Rabs x) by (intros; rewrite <- Rabs_mult, Rabs_pos_eq; [reflexivity|apply Rle_0_sqr]).
  rewrite (Sq re1), (Sq re2), (Sq im1), (Sq im2).
  pose proof (Rle_0_sqr (Rabs re1 - Rabs re2)); pose proof (Rle_0_sqr (Rabs im1 - Rabs im2)); unfold Rsqr in *; lra.
Qed.

(** One part has two products of one sign, the other has not. *)
Lemma worst_step A B C D : 0 <= A -> 0 <= B -> A * B = C * D ->
  (A + B + Rabs (A - B)) * (A + B + Rabs (A - B)) + (C + D + (C + D)) * (C + D + (C + D))
  <= 16 / 3 * (A * A + B * B + (C * C + D * D)).
Proof.
  intros HA HB E; pose proof (Rle_0_sqr (C - D)); pose proof (Rle_0_sqr (A - 2 * B)); pose proof (Rle_0_sqr (B - 2 * A)).
  unfold Rsqr in *; unfold Rabs; destruct Rcase_abs; lra.
Qed.

Theorem worst_norm :
  norm (Rabs re1 + Rabs re2 + Rabs (re1 + re2)) (Rabs im1 + Rabs im2 + Rabs (im1 + im2)) <= 4 / sqrt 3 * size.
Proof.
  assert (S3 : 4 / sqrt 3 = sqrt (16 / 3)).
  { rewrite sqrt_div_alt by lra; f_equal; replace 16 with (4 * 4) by ring; rewrite sqrt_square; lra. }
  rewrite S3; apply norm_le; [lra|apply size_pos|rewrite size_square].
  assert (Sq : forall x, x * x = Rabs x * Rabs x) by (intros; rewrite <- Rabs_mult, Rabs_pos_eq; [reflexivity|apply Rle_0_sqr]).
  rewrite (Sq re1), (Sq re2), (Sq im1), (Sq im2); pose proof parts_abs as E.
  assert (O : re1 * re2 = - (im1 * im2)) by (unfold re1, re2, im1, im2; ring).
  pose proof abs_sum_same as Sum; pose proof abs_sum_opposite as Dif.
  destruct (Rle_or_lt 0 (im1 * im2)) as [H|H].
  - rewrite (Sum im1 im2 H), (Dif re1 re2) by lra.
    apply (worst_step (Rabs re1) (Rabs re2) (Rabs im1) (Rabs im2)); auto using Rabs_pos.
  - rewrite (Sum re1 re2), (Dif im1 im2) by lra.
    pose proof (worst_step (Rabs im1) (Rabs im2) (Rabs re1) (Rabs re2) (Rabs_pos _) (Rabs_pos _) (eq_sym E)); lra.
Qed.
End Product.

(** Each part of the sum obeys absorption; so does the norm. *)
Theorem complex_sum_error v xr xi yr yi er ei : 0 <= v ->
  Rabs er <= v * Rabs (xr + yr) -> Rabs er <= Rabs xr -> Rabs er <= Rabs yr ->
  Rabs ei <= v * Rabs (xi + yi) -> Rabs ei <= Rabs xi -> Rabs ei <= Rabs yi ->
  norm er ei <= v * norm (xr + yr) (xi + yi) /\ norm er ei <= norm xr xi /\ norm er ei <= norm yr yi.
Proof.
  intros v0 H1 H2 H3 H4 H5 H6; repeat split.
  - rewrite <- (norm_abs (xr + yr)), <- norm_scale by exact v0; apply norm_mono; assumption.
  - rewrite <- (norm_abs xr); apply norm_mono; assumption.
  - rewrite <- (norm_abs yr); apply norm_mono; assumption.
Qed.

(** The constants in digits. *)
Lemma sqrt_2_le : sqrt 2 <= 141422 / 100000.
Proof.
  rewrite <- (sqrt_square (141422 / 100000)) by lra; apply sqrt_le_1_alt; lra.
Qed.
Lemma sqrt_3_ge : 17320508 / 10000000 <= sqrt 3.
Proof.
  rewrite <- (sqrt_square (17320508 / 10000000)) by lra; apply sqrt_le_1_alt; lra.
Qed.
Lemma worst_le : 4 / sqrt 3 <= 2309402 / 1000000.
Proof.
  pose proof sqrt_3_ge; unfold Rdiv at 1.
  apply Rle_trans with (4 * / (17320508 / 10000000)); [|lra].
  apply Rmult_le_compat_l; [lra|apply Rinv_le_contravar; lra].
Qed.
