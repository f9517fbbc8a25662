(** Single operations of a binary format: what one product, one sum, one fused operation can lose.

    Main results: [product_loss], [product_exact_loss] (a power of two as factor), [sum_loss]
    (absorption), [fused_loss] (the FMA split), [op_pow2], [op_monotone].
    Any radix-2 FLT format, rounding to nearest with any tie rule, gradual underflow; with [ftz] every
    operation may also return 0 where the exact value is below the smallest normal number.
    Depends on: Flocq. *)
From Coq Require Import Reals ZArith Lia Lra Psatz.
From Flocq Require Import Core Relative Plus_error Mult_error.
Open Scope R_scope.

Section Format.
Variables (prec emin : Z) (choice : Z -> bool) (ftz : bool).
Context {prec_pos : Prec_gt_0 prec}.

Definition fexp := FLT_exp emin prec.
Definition RN := round radix2 fexp (Znearest choice).
Definition format := generic_format radix2 fexp.
Definition eta := bpow radix2 emin.
Definition lam := bpow radix2 (emin + prec - 1).
Definition v := u_ro radix2 prec / (1 + u_ro radix2 prec).
(** Largest loss of a product, of a sum and of an input. *)
Definition kmul := if ftz then lam else / 2 * eta.
Definition kadd := if ftz then lam else 0.

(** One operation with exact value x returns r. *)
Definition op x r := r = RN x \/ (ftz = true /\ Rabs x < lam /\ r = 0).

Local Instance fexp_valid : Valid_exp fexp.
Proof. apply FLT_exp_valid, prec_pos. Qed.

Lemma v_pos : 0 <= v. Proof. apply u_rod1pu_ro_pos. Qed.
Lemma v_le1 : v <= 1.
Proof.
  apply Rle_trans with (1 := u_rod1pu_ro_le_u_ro radix2 prec); unfold u_ro.
  assert (bpow radix2 (- prec + 1) <= bpow radix2 0) by (apply bpow_le; unfold Prec_gt_0 in *; lia).
  simpl in *; lra.
Qed.
Lemma half_eta_le_lam : / 2 * eta <= lam.
Proof.
  assert (eta <= lam) by (apply bpow_le; unfold Prec_gt_0 in *; lia).
  pose proof (bpow_gt_0 radix2 emin); unfold eta in *; lra.
Qed.
Lemma half_eta_le_kmul : / 2 * eta <= kmul.
Proof. unfold kmul; destruct ftz; [apply half_eta_le_lam|lra]. Qed.
Lemma kmul_pos : 0 <= kmul.
Proof. pose proof half_eta_le_kmul; pose proof (bpow_gt_0 radix2 emin); unfold eta in *; lra. Qed.
Lemma kadd_pos : 0 <= kadd.
Proof. unfold kadd, lam; destruct ftz; [apply bpow_ge_0|lra]. Qed.
Lemma flush_kmul x : ftz = true -> Rabs x < lam -> Rabs (- x) <= kmul.
Proof. intros E H; unfold kmul; rewrite E, Rabs_Ropp; lra. Qed.
Lemma flush_kadd x : ftz = true -> Rabs x < lam -> Rabs (- x) <= kadd.
Proof. intros E H; unfold kadd; rewrite E, Rabs_Ropp; lra. Qed.

Lemma format_0 : format 0. Proof. apply generic_format_0. Qed.
Lemma format_RN x : format (RN x). Proof. apply generic_format_round; typeclasses eauto. Qed.
Lemma op_format x r : op x r -> format r.
Proof. intros [-> | (_ & _ & ->)]; [apply format_RN|apply format_0]. Qed.
Lemma op_0 r : op 0 r -> r = 0.
Proof. intros [-> | (_ & _ & H)]; [apply round_0; typeclasses eauto|exact H]. Qed.

(** How far x is from its rounding: a factor or a kick, not both. [vd] is v, or 0 for an exact factor. *)
Definition near vd x := exists d e, RN x = x * (1 + d) + e /\ Rabs d <= vd /\ Rabs e <= / 2 * eta /\ d * e = 0.

Lemma near_v x : near v x.
Proof.
  destruct (relative_error_N_FLT'_ex radix2 emin prec prec_pos choice x) as (d & e & Hd & He & Hde & E).
  exists d, e; repeat split; auto.
Qed.

Definition pow2 x := x = 0 \/ exists k, Rabs x = bpow radix2 k.

Lemma near_pow2 p x : pow2 p -> format x -> near 0 (p * x).
Proof.
  intros Hp Hx; exists 0, (RN (p * x) - p * x).
  repeat split; try (rewrite ?Rabs_R0; lra).
  assert (F : generic_format radix2 (FLX_exp prec) (p * x)).
  { apply generic_format_FLX_FLT in Hx; destruct Hp as [-> | [k Hk]].
    - rewrite Rmult_0_l; apply generic_format_0.
    - pose proof (mult_bpow_exact_FLX radix2 prec x k Hx) as G.
      assert (H : Rabs p = Rabs (bpow radix2 k)) by (rewrite Hk; symmetry; apply Rabs_pos_eq, bpow_ge_0).
      destruct (Rabs_eq_Rabs _ _ H) as [-> | ->]; rewrite Rmult_comm; [exact G|].
      rewrite Ropp_mult_distr_r_reverse; apply generic_format_opp; exact G. }
  destruct (Rle_or_lt lam (Rabs (p * x))) as [H|H].
  - assert (G : RN (p * x) = p * x).
    { apply round_generic; [typeclasses eauto|apply generic_format_FLT_FLX; assumption]. }
    rewrite G.
    replace (p * x - p * x) with 0 by ring; rewrite Rabs_R0.
    pose proof (bpow_gt_0 radix2 emin); unfold eta; lra.
  - apply Rle_trans with (1 := error_le_half_ulp radix2 fexp choice (p * x)).
    assert (U : ulp radix2 fexp (p * x) = eta).
    { apply ulp_FLT_small; [exact prec_pos|]; apply Rlt_trans with (1 := H), bpow_lt; lia. }
    rewrite U; lra.
Qed.

Lemma near_loss vd x r : 0 <= vd -> near vd x -> op x r ->
  exists d e, r = x * (1 + d) + e /\ Rabs d <= vd /\ Rabs e <= kmul.
Proof.
  intros Hv (d & e & E & Hd & He & _) [-> | (F & Hx & ->)].
  - exists d, e; repeat split; auto; apply Rle_trans with (1 := He), half_eta_le_kmul.
  - exists 0, (- x); repeat split; [ring|rewrite Rabs_R0; exact Hv|apply flush_kmul; assumption].
Qed.

Theorem product_loss x r : op x r -> exists d e, r = x * (1 + d) + e /\ Rabs d <= v /\ Rabs e <= kmul.
Proof. apply near_loss; [apply v_pos|apply near_v]. Qed.

Theorem product_exact_loss p x r : pow2 p -> format x -> op (p * x) r ->
  exists d e, r = p * x * (1 + d) + e /\ Rabs d <= 0 /\ Rabs e <= kmul.
Proof. intros Hp Hx; apply near_loss; [lra|apply near_pow2; assumption]. Qed.

Theorem sum_loss x y r : format x -> format y -> op (x + y) r ->
  exists e f, r = x + y + e + f /\ Rabs e <= v * Rabs (x + y) /\ Rabs e <= Rabs x /\ Rabs e <= Rabs y
              /\ Rabs f <= kadd.
Proof.
  intros Fx Fy [-> | (F & Hx & ->)].
  - exists (RN (x + y) - (x + y)), 0; repeat split.
    + ring.
    + destruct (FLT_plus_error_N_ex radix2 emin prec choice x y Fx Fy) as (d & Hd & E).
      unfold RN, fexp; rewrite E; replace ((x + y) * (1 + d) - (x + y)) with (d * (x + y)) by ring.
      rewrite Rabs_mult; apply Rmult_le_compat_r; [apply Rabs_pos|exact Hd].
    + apply plus_error_le_l; auto; typeclasses eauto.
    + apply plus_error_le_r; auto; typeclasses eauto.
    + rewrite Rabs_R0; apply kadd_pos.
  - exists 0, (- (x + y)); rewrite Rabs_R0; repeat split; try apply Rabs_pos.
    + ring.
    + apply Rmult_le_pos; [apply v_pos|apply Rabs_pos].
    + apply flush_kadd; assumption.
Qed.

Lemma clip e y m : Rabs e <= m + Rabs y -> 0 <= m ->
  exists e2, Rabs e2 <= Rabs e /\ Rabs e2 <= Rabs y /\ Rabs (e - e2) <= m.
Proof.
  intros H Hm; pose proof (Rabs_pos y).
  destruct (Rle_or_lt (Rabs e) (Rabs y)) as [L|L].
  - exists e; repeat split; [lra|exact L|rewrite Rminus_diag_eq, Rabs_R0; auto].
  - destruct (Rle_or_lt 0 e) as [S|S].
    + exists (Rabs y); rewrite (Rabs_pos_eq e) in * by exact S; rewrite Rabs_Rabsolu.
      repeat split; try lra; rewrite Rabs_pos_eq; lra.
    + exists (- Rabs y); rewrite (Rabs_left e) in * by exact S; rewrite Rabs_Ropp, Rabs_Rabsolu.
      repeat split; try lra; rewrite Rabs_left1; lra.
Qed.

(** An FMA is a product and a sum. *)
Theorem fused_loss vd x y r : 0 <= vd -> near vd x -> format y -> op (x + y) r ->
  exists d eb e f, r = x * (1 + d) + eb + y + e + f /\ Rabs d <= vd /\ Rabs eb <= kmul
    /\ Rabs e <= v * Rabs (x + y) /\ Rabs e <= Rabs x /\ Rabs e <= Rabs y /\ Rabs f <= kadd.
Proof.
  intros Hvd Hx Fy Hop; pose proof kadd_pos as Ka; pose proof kmul_pos as Km.
  assert (Hv : 0 <= v * Rabs (x + y)) by (apply Rmult_le_pos; [apply v_pos|apply Rabs_pos]).
  destruct Hop as [-> | (F & Hs & ->)].
  2: { exists 0, 0, 0, (- (x + y)); rewrite Rabs_R0; repeat split; auto using Rabs_pos, flush_kadd; ring. }
  set (err := RN (x + y) - (x + y)).
  destruct (round_N_pt radix2 fexp choice (x + y)) as [_ Near]; fold RN in Near.
  assert (Ex : Rabs err <= Rabs x).
  { apply Rle_trans with (1 := Near y Fy); right; rewrite <- Rabs_Ropp; f_equal; ring. }
  destruct (near_v (x + y)) as (d & e & E & Hd & He & Z).
  assert (Eerr : err = (x + y) * d + e) by (unfold err; rewrite E; ring).
  apply Rmult_integral in Z; destruct Z as [Z|Z].
  { exists 0, err, 0, 0; rewrite Rabs_R0; repeat split; auto using Rabs_pos; [unfold err; ring|].
    rewrite Eerr, Z, Rmult_0_r, Rplus_0_l; apply Rle_trans with (1 := He), half_eta_le_kmul. }
  assert (Ev : Rabs err <= v * Rabs (x + y)).
  { rewrite Eerr, Z, Rplus_0_r, Rabs_mult, Rmult_comm; apply Rmult_le_compat_r; auto using Rabs_pos. }
  assert (Ey : Rabs err <= Rabs (RN x - x) + Rabs y).
  { apply Rle_trans with (1 := Near (RN x) (format_RN x)).
    replace (RN x - (x + y)) with ((RN x - x) + - y) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _); rewrite Rabs_Ropp; lra. }
  destruct (clip _ _ _ Ey (Rabs_pos _)) as (e2 & C1 & C2 & C3).
  destruct Hx as (dx & ex & Exq & Hdx & Hex & Zx).
  assert (Edx : RN x - x = x * dx + ex) by (rewrite Exq; ring).
  assert (Split : exists d eb, err - e2 = x * d + eb /\ Rabs d <= vd /\ Rabs eb <= kmul).
  { apply Rmult_integral in Zx; destruct Zx as [Zx|Zx].
    - exists 0, (err - e2); rewrite Rabs_R0; repeat split; [ring|exact Hvd|].
      rewrite Edx, Zx, Rmult_0_r, Rplus_0_l in C3.
      apply Rle_trans with (1 := C3), Rle_trans with (1 := Hex), half_eta_le_kmul.
    - rewrite Edx, Zx, Rplus_0_r, Rabs_mult in C3.
      destruct (Req_dec x 0) as [X0|X0].
      + exists 0, 0; rewrite Rabs_R0; repeat split; auto.
        rewrite X0, Rabs_R0, Rmult_0_l in C3; pose proof (Rabs_pos (err - e2)).
        rewrite X0, Rmult_0_l, Rplus_0_l; apply Rabs_eq_R0; lra.
      + exists ((err - e2) / x), 0; rewrite Rabs_R0; repeat split; auto; [field; exact X0|].
        unfold Rdiv; rewrite Rabs_mult, Rabs_inv.
        assert (0 < Rabs x) by (apply Rabs_pos_lt; exact X0).
        apply Rle_trans with (Rabs x * Rabs dx * / Rabs x).
        * apply Rmult_le_compat_r; [left; apply Rinv_0_lt_compat|]; assumption.
        * apply Rle_trans with (Rabs dx); [right; field; lra|exact Hdx]. }
  destruct Split as (d1 & eb & E1 & Hd1 & Heb).
  exists d1, eb, e2, 0; rewrite Rabs_R0; repeat split; auto; try lra.
Qed.

Lemma format_ge_eta r : format r -> r <> 0 -> eta <= Rabs r.
Proof.
  intros F N; destruct (FLT_format_generic radix2 emin prec r F) as [[m e] E1 _ He]; simpl in He.
  rewrite E1, <- F2R_Zabs; unfold F2R; simpl Fnum; simpl Fexp.
  assert (m <> 0)%Z by (intros ->; apply N; rewrite E1; apply F2R_0).
  apply Rle_trans with (1 * bpow radix2 e); [rewrite Rmult_1_l; apply bpow_le; exact He|].
  apply Rmult_le_compat_r; [apply bpow_ge_0|apply IZR_le; lia].
Qed.

(** Powers of two and zero stay so, also where they underflow. *)
Theorem op_pow2 x r : pow2 x -> op x r -> pow2 r.
Proof.
  intros Hp [-> | (_ & _ & ->)]; [|left; reflexivity].
  destruct Hp as [-> | [k Hk]]; [left; apply round_0; typeclasses eauto|].
  destruct (Z_le_gt_dec emin k) as [H|H].
  - right; exists k; unfold RN; rewrite round_generic; [exact Hk|typeclasses eauto|].
    assert (G : format (bpow radix2 k)) by (apply generic_format_FLT_bpow; [exact prec_pos|exact H]).
    apply generic_format_abs_inv; rewrite Hk; exact G.
  - destruct (Req_dec (RN x) 0) as [Z|Z]; [left; exact Z|right; exists emin; fold eta].
    apply Rle_antisym; [|apply format_ge_eta; [apply format_RN|exact Z]].
    apply abs_round_le_generic; [typeclasses eauto|typeclasses eauto| |].
    + apply generic_format_FLT_bpow; [exact prec_pos|lia].
    + rewrite Hk; apply bpow_le; lia.
Qed.

Lemma pow2_mul x y : pow2 x -> pow2 y -> pow2 (x * y).
Proof.
  intros [-> | [k Hk]]; [left; ring|]; intros [-> | [j Hj]]; [left; ring|].
  right; exists (k + j)%Z; rewrite Rabs_mult, Hk, Hj, bpow_plus; reflexivity.
Qed.

(** No operation exceeds a number of the format that its exact value does not exceed. *)
Theorem op_size x r m : format m -> Rabs x <= m -> op x r -> Rabs r <= m.
Proof.
  intros Fm H [-> | (_ & _ & ->)].
  - apply abs_round_le_generic; try typeclasses eauto; assumption.
  - rewrite Rabs_R0; apply Rle_trans with (2 := H), Rabs_pos.
Qed.
End Format.
