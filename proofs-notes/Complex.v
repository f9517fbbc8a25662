(** Complex products and sums, norm-wise.

    Main results: [complex_product_error]: four products and two sums, each part with or without a fused
    operation: at most sqrt 2 (2v + v^2) |a| |b|, so the constant is 2.83 v; [complex_sum_error]: a sum
    rounded part by part is absorbed by both addends, as a real one is.
    No underflow. The constant sqrt 5 of Brent, Percival and Zimmermann (2007) is sharper and not proved here.
    Depends on: the standard library. *)
From Coq Require Import Reals Lra Psatz.
Open Scope R_scope.

Definition norm (x y : R) := sqrt (x * x + y * y).

Lemma norm_sq x y : 0 <= x * x + y * y.
Proof. pose proof (Rle_0_sqr x); pose proof (Rle_0_sqr y); unfold Rsqr in *; lra. Qed.

Lemma norm_mono x y x' y' : Rabs x <= x' -> Rabs y <= y' -> norm x y <= norm x' y'.
Proof.
  intros Hx Hy; apply sqrt_le_1_alt; apply Rplus_le_compat.
  - rewrite <- (Rabs_pos_eq (x * x)), Rabs_mult by (apply Rle_0_sqr); apply Rmult_le_compat; auto using Rabs_pos.
  - rewrite <- (Rabs_pos_eq (y * y)), Rabs_mult by (apply Rle_0_sqr); apply Rmult_le_compat; auto using Rabs_pos.
Qed.

Lemma norm_scale k x y : 0 <= k -> norm (k * x) (k * y) = k * norm x y.
Proof.
  intros Hk; unfold norm; replace (k * x * (k * x) + k * y * (k * y)) with (k * k * (x * x + y * y)) by ring.
  rewrite sqrt_mult_alt, sqrt_square; [reflexivity|exact Hk|apply Rmult_le_pos; exact Hk].
Qed.

Section Complex.
Variable v : R.
Hypothesis v0 : 0 <= v.

(** A part x + y of a product computed from products x and y: both rounded, or one of them fused into the sum. *)
Inductive part x y : R -> Prop :=
| part_separate d1 d2 d3 : Rabs d1 <= v -> Rabs d2 <= v -> Rabs d3 <= v ->
    part x y ((x * (1 + d1) + y * (1 + d2)) * (1 + d3))
| part_fused_l d2 d3 : Rabs d2 <= v -> Rabs d3 <= v -> part x y ((x + y * (1 + d2)) * (1 + d3))
| part_fused_r d1 d3 : Rabs d1 <= v -> Rabs d3 <= v -> part x y ((x * (1 + d1) + y) * (1 + d3)).

Lemma two_factors d e : Rabs d <= v -> Rabs e <= v -> Rabs ((1 + d) * (1 + e) - 1) <= 2 * v + v * v.
Proof.
  intros Hd He; replace ((1 + d) * (1 + e) - 1) with (d + e + d * e) by ring.
  pose proof (Rabs_triang (d + e) (d * e)); pose proof (Rabs_triang d e); rewrite Rabs_mult in *.
  pose proof (Rmult_le_compat _ _ _ _ (Rabs_pos d) (Rabs_pos e) Hd He); lra.
Qed.

Lemma part_error x y r : part x y r -> Rabs (r - (x + y)) <= (2 * v + v * v) * (Rabs x + Rabs y).
Proof.
  assert (H : forall d1 d2 d3, Rabs d1 <= v -> Rabs d2 <= v -> Rabs d3 <= v ->
    Rabs ((x * (1 + d1) + y * (1 + d2)) * (1 + d3) - (x + y)) <= (2 * v + v * v) * (Rabs x + Rabs y)).
  { intros d1 d2 d3 H1 H2 H3.
    replace ((x * (1 + d1) + y * (1 + d2)) * (1 + d3) - (x + y))
      with (x * ((1 + d1) * (1 + d3) - 1) + y * ((1 + d2) * (1 + d3) - 1)) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _); rewrite !Rabs_mult.
    pose proof (Rmult_le_compat_l _ _ _ (Rabs_pos x) (two_factors d1 d3 H1 H3)).
    pose proof (Rmult_le_compat_l _ _ _ (Rabs_pos y) (two_factors d2 d3 H2 H3)); lra. }
  assert (Z : Rabs 0 <= v) by (rewrite Rabs_R0; exact v0).
  intros [d1 d2 d3 H1 H2 H3 | d2 d3 H2 H3 | d1 d3 H1 H3].
  - apply H; assumption.
  - replace (x + y * (1 + d2)) with (x * (1 + 0) + y * (1 + d2)) by ring; apply H; assumption.
  - replace (x * (1 + d1) + y) with (x * (1 + d1) + y * (1 + 0)) by ring; apply H; assumption.
Qed.

Lemma cross_le p q r s : 0 <= p -> 0 <= q -> 0 <= r -> 0 <= s ->
  norm (p * r + q * s) (p * s + q * r) <= sqrt 2 * (norm p q * norm r s).
Proof.
  intros Hp Hq Hr Hs; unfold norm; rewrite <- !sqrt_mult_alt; try lra; try apply norm_sq.
  apply sqrt_le_1_alt.
  pose proof (Rle_0_sqr (p * r - q * s)); pose proof (Rle_0_sqr (p * s - q * r)); unfold Rsqr in *.
  lra.
Qed.

Theorem complex_product_error ar ai br bi re im :
  part (ar * br) (- (ai * bi)) re -> part (ar * bi) (ai * br) im ->
  norm (re - (ar * br - ai * bi)) (im - (ar * bi + ai * br))
  <= sqrt 2 * (2 * v + v * v) * (norm ar ai * norm br bi).
Proof.
  intros Hre Him; apply part_error in Hre; apply part_error in Him.
  rewrite Rabs_Ropp, !Rabs_mult in *.
  assert (Hk : 0 <= 2 * v + v * v) by (pose proof (Rle_0_sqr v); unfold Rsqr in *; lra).
  eapply Rle_trans; [apply norm_mono; [exact Hre|exact Him]|].
  rewrite norm_scale by exact Hk.
  pose proof (cross_le (Rabs ar) (Rabs ai) (Rabs br) (Rabs bi) (Rabs_pos _) (Rabs_pos _) (Rabs_pos _) (Rabs_pos _)) as C.
  assert (E : forall x y, norm (Rabs x) (Rabs y) = norm x y).
  { intros x y; unfold norm; rewrite <- !Rabs_mult, !(Rabs_pos_eq (_ * _)) by apply Rle_0_sqr; reflexivity. }
  rewrite !E in C; pose proof (Rmult_le_compat_l _ _ _ Hk C); lra.
Qed.

(** Each part of the sum obeys absorption; so does the norm. *)
Theorem complex_sum_error xr xi yr yi er ei :
  Rabs er <= v * Rabs (xr + yr) -> Rabs er <= Rabs xr -> Rabs er <= Rabs yr ->
  Rabs ei <= v * Rabs (xi + yi) -> Rabs ei <= Rabs xi -> Rabs ei <= Rabs yi ->
  norm er ei <= v * norm (xr + yr) (xi + yi) /\ norm er ei <= norm xr xi /\ norm er ei <= norm yr yi.
Proof.
  intros H1 H2 H3 H4 H5 H6.
  assert (E : forall x y, norm (Rabs x) (Rabs y) = norm x y).
  { intros x y; unfold norm; rewrite <- !Rabs_mult, !(Rabs_pos_eq (_ * _)) by apply Rle_0_sqr; reflexivity. }
  repeat split.
  - rewrite <- (E (xr + yr)), <- norm_scale by exact v0; apply norm_mono; assumption.
  - rewrite <- (E xr); apply norm_mono; assumption.
  - rewrite <- (E yr); apply norm_mono; assumption.
Qed.
End Complex.
