(** Theorems 1, 2 and 3 for complex scans, norm-wise, and that complex kernels obey them.

    Main results: [complex_allowance_sound]: from the recurrences on moduli, with relative error [w] of products and twice [va]
    of sums; [complex_kernel_ev]: a bracketing evaluated in a binary format, every node in any form of ComplexNode.v, obeys
    the error model; [complex_scan_bound], [complex_scan_bound_binary32], [complex_scan_bound_binary64].
    A leaf may be a product that is fused into its sum. Not covered: the product by three multiplications.
    Depends on: ComplexNode, ComplexTree, RoundingAbsorption, RoundingKicks, RoundingBounds. *)
From Coq Require Import Reals ZArith List Arith Lia Lra Psatz.
From Flocq Require Import Core Relative.
From Coquelicot Require Import Complex.
From Exactscan Require Import RoundingLists RoundingModel RoundingTree RoundingAbsorption RoundingKicks RoundingBounds
  RoundingIEEE RoundingKernel Complex ComplexNode ComplexTree.
Import ListNotations.
Open Scope R_scope.

Section Bounds.
Variables w va km kp : R.
Hypothesis w0 : 0 <= w.
Hypothesis va0 : 0 <= va.
Hypothesis va1 : va <= 1.
Hypothesis km0 : 0 <= km.
Hypothesis kp0 : 0 <= kp.
Notation cev := (cev w va km kp).
Notation Uf := (Uf km kp 0).
Notation D := (D km kp 0).
Notation qa := (1 + 2 * va).
Let k00 : 0 <= 0 := Rle_refl 0.

Definition complex_Gamma l := q w ^ nm l * qa ^ Nat.pred (nz l).

Lemma complex_Gamma_ge1 l : 1 <= complex_Gamma l.
Proof.
  pose proof (pow_R1_Rle qa (Nat.pred (nz l)) ltac:(lra)) as H.
  pose proof (Rmult_le_compat 1 _ 1 _ Rle_0_1 Rle_0_1 (qn_ge1 w w0 (nm l)) H); unfold complex_Gamma; lra.
Qed.

Lemma complex_theorem3 t a b n : cev t a b -> (depth (moduli t) <= n)%nat -> let l := lv (moduli t) in
  Cmod (Cminus b (chx (clv t))) <= qa ^ Nat.min n (Nat.pred (nz l)) * Wm w l - Mb l + complex_Gamma l * Uf l.
Proof.
  intros E Hn l; destruct (complex_ev_B w va km kp w0 va0 km0 kp0 _ _ _ E) as [_ H].
  apply Rle_trans with (1 := H); pose proof (depth_le (moduli t)) as Hd; unfold tz in Hd; fold l in Hd |- *.
  assert (Q : forall i j, (i <= j)%nat -> qa ^ i <= qa ^ j) by (intros; apply Rle_pow; [lra|assumption]).
  pose proof (Rmult_le_compat_r _ _ _ (Wm_pos w w0 l) (Q (depth (moduli t)) (Nat.min n (Nat.pred (nz l))) ltac:(lia))).
  pose proof (excess_le km kp 0 km0 kp0 k00 (moduli t)) as X; fold l in X.
  assert (q w ^ tm (moduli t) * qa ^ depth (moduli t) * D (moduli t) <= complex_Gamma l * Uf l).
  { apply Rmult_le_compat; [apply Rmult_le_pos; [apply (qn_pos w w0)|apply pow_le; lra]|apply D_pos; assumption| |exact X].
    apply Rmult_le_compat_l; [apply (qn_pos w w0)|apply Q, Hd]. }
  lra.
Qed.

Lemma complex_sums_apart t a b : cev t a b -> let l := lv (moduli t) in
  Cmod (Cminus b (chx (clv t)))
  <= Em w l + 2 * complex_Gamma l * V va km kp 0 (moduli t) + complex_Gamma l * Uf l.
Proof.
  intros E l; destruct (complex_ev_C w va km kp w0 va0 km0 kp0 _ _ _ E) as [_ H].
  apply Rle_trans with (1 := H); pose proof (excess_le km kp 0 km0 kp0 k00 (moduli t)) as X; fold l in X |- *.
  change (Qc w va t) with (complex_Gamma l); pose proof (complex_Gamma_ge1 l).
  pose proof (Rmult_le_compat_l (complex_Gamma l) _ _ ltac:(lra) X); unfold Em; lra.
Qed.

Theorem complex_allowance_sound t a b e m mh s x u : let l := lv (moduli t) in
  cev t a b -> upper w km kp 0 l e m mh s x u ->
  let E := Cmod (Cminus b (chx (clv t))) in let G := complex_Gamma l in
  (forall n, (depth (moduli t) <= n)%nat \/ n = Nat.pred (nz l) -> E <= theorem1_value (2 * va) n e m + G * u) /\
  E <= e + 2 * G * (Nf l * va * (mh + u)) + G * u /\
  (forall c tail tail', cell l c tail -> (1 <= c)%nat -> tail <= tail' ->
     E <= e + 2 * G * window_value va (Nf l) (INR c) tail' (mh + u) u + G * u).
Proof.
  intros l H Up E G; unfold E.
  destruct (upper_u _ _ _ _ km0 kp0 k00 _ _ _ _ _ _ _ Up) as [HU HM1]; destruct Up as [He Hm _ _ _ _].
  assert (HG1 : 1 <= G) by apply complex_Gamma_ge1; assert (HG : 0 <= G) by lra.
  assert (HN : 0 <= Nf l) by apply pos_INR; assert (HNv := Rmult_le_pos _ _ HN va0).
  pose proof (Rmult_le_compat_l _ _ _ HG HU) as HGU; assert (HG2 : 0 <= 2 * G) by lra.
  assert (BU_M1 : BU km kp 0 (moduli t) <= M1 km kp 0 l).
  { pose proof (excess_le km kp 0 km0 kp0 k00 (moduli t)); unfold M1, RoundingModel.D in *; change (lv (moduli t)) with l in H0; lra. }
  split; [|split].
  - intros n Hn; assert (Hd : (depth (moduli t) <= n)%nat).
    { destruct Hn as [Hn| ->]; [exact Hn|apply depth_le]. }
    apply Rle_trans with (1 := complex_theorem3 t a b n H Hd); fold l; fold G.
    assert (Hq : 1 <= qa ^ n) by (apply pow_R1_Rle; lra).
    assert (qa ^ Nat.min n (Nat.pred (nz l)) * Wm w l <= qa ^ n * Wm w l).
    { apply Rmult_le_compat_r; [apply (Wm_pos w w0)|apply Rle_pow; [lra|lia]]. }
    unfold theorem1_value, Em in *; change (q (2 * va)) with qa.
    assert (qa ^ n * (Wm w l - Mb l) <= qa ^ n * e) by (apply Rmult_le_compat_l; lra).
    assert ((qa ^ n - 1) * Mb l <= (qa ^ n - 1) * m) by (apply Rmult_le_compat_l; lra); lra.
  - apply Rle_trans with (1 := complex_sums_apart t a b H); fold l; fold G.
    pose proof (costs_count va km kp 0 va0 km0 kp0 k00 (moduli t)) as HC.
    pose proof (Rmult_le_compat_l _ _ _ HNv (Rle_trans _ _ _ BU_M1 HM1)) as HC2.
    change (RoundingAbsorption.N (moduli t)) with (Nf l) in HC.
    pose proof (Rmult_le_compat_l _ _ _ HG2 (Rle_trans _ _ _ HC HC2)); lra.
  - intros c tail tail' HC Hc Ht; destruct (cell_cut _ _ _ HC) as (ys & xs & S & -> & ->).
    apply Rle_trans with (1 := complex_sums_apart t a b H); fold l; fold G.
    pose proof (costs_window va km kp 0 va0 va1 km0 kp0 k00 (moduli t) ys xs S) as HV.
    change (RoundingAbsorption.N (moduli t)) with (Nf l) in HV.
    pose proof (bracket_mono va va0 va1 (D (moduli t)) (Uf l) (Nf l) (INR (nz ys)) (Mh l) (PH ys * Mh xs) HN (pos_INR _)
      (excess_le km kp 0 km0 kp0 k00 (moduli t))) as HB.
    replace (BU km kp 0 (moduli t)) with (Mh l + D (moduli t)) in HV by (unfold RoundingModel.D; fold l; ring).
    assert (HV2 : V va km kp 0 (moduli t) <= window_value va (Nf l) (INR (nz ys)) tail' (mh + u) u).
    { apply Rle_trans with (1 := HV), Rle_trans with (1 := HB); unfold window_value; fold (M1 km kp 0 l).
      assert (Hc1 : 0 <= INR (nz ys) - 1) by (apply (le_INR 1) in Hc; simpl in Hc; lra).
      pose proof (Rmult_le_compat_l _ _ _ (Rmult_le_pos _ _ Hc1 va0) HM1) as P1.
      pose proof (Rmult_le_compat_l _ _ _ (Rmult_le_pos _ _ HNv va0) HM1) as P2.
      assert (P3 : (INR (nz ys) - 1) * va * M1 km kp 0 l + PH ys * Mh xs + Uf l
                   <= (INR (nz ys) - 1) * va * (mh + u) + tail' + u) by lra.
      pose proof (Rmult_le_compat_l (1 + Nf l * va) _ _ ltac:(lra) P3); lra. }
    pose proof (Rmult_le_compat_l _ _ _ HG2 HV2); lra.
Qed.
End Bounds.

(** ** Kernels *)
Section Kernel.
Variables (prec emin : Z) (choice : Z -> bool) (ftz : bool).
Context {prec_pos : Prec_gt_0 prec}.
Notation op := (op prec emin choice ftz).
Notation format := (format prec emin).
Notation v := (v prec).
Notation u := (u_ro radix2 prec).
Notation part := (part prec emin choice ftz).
Notation node_part := (node_part prec emin choice ftz).
Notation km := (complex_kmul prec emin ftz).
Notation kp := (complex_kadd prec emin ftz).
Notation cev := (cev (mu * v) u km kp).
Hypothesis small : v <= / 4096.

Definition formats (z : C) := format (fst z) /\ format (snd z).
Definition product (a b z : C) :=
  part (re1 (fst a) (fst b)) (re2 (snd a) (snd b)) (fst z) /\ part (im1 (fst a) (snd b)) (im2 (snd a) (fst b)) (snd z).
Definition node (a b c z : C) :=
  node_part (re1 (fst a) (fst b)) (re2 (snd a) (snd b)) (fst c) (fst z) /\
  node_part (im1 (fst a) (snd b)) (im2 (snd a) (fst b)) (snd c) (snd z).

Definition node_fused (a b y z : C) :=
  fused_or_rounded prec emin choice ftz (re1 (fst a) (fst b)) (re2 (snd a) (snd b)) (fst y) (fst z) /\
  fused_or_rounded prec emin choice ftz (im1 (fst a) (snd b)) (im2 (snd a) (fst b)) (snd y) (snd z).
Notation rounds_to := (rounds_to prec emin ftz).
(** A summand whose parts are products not yet rounded: the allowance covers their rounding. *)
Definition holds_leaf_product x (y : C) := cz x = true /\
  forall c, rounds_to (fst y) (fst c) -> rounds_to (snd y) (snd c) -> Cmod (Cminus c (cb x)) <= cB x - cmb x.

(** A leaf's numbers as the operations see them, so after any flushing of inputs. *)
Inductive complex_kernel : ctree -> C -> C -> Prop :=
| complex_kernel_leaf x a b :
    Cmod (Cminus a (ca x)) <= cA x - cma x -> Cmod (Cminus b (cb x)) <= cB x - cmb x -> formats b ->
    complex_kernel (CLeaf x) a b
| complex_kernel_node l r a1 b1 a2 b2 a b :
    complex_kernel l a1 b1 -> complex_kernel r a2 b2 -> product a2 a1 a -> node a2 b1 b2 b ->
    complex_kernel (CNode l r) a b
| complex_kernel_fused_leaf l x a1 b1 a2 y a b :
    complex_kernel l a1 b1 -> Cmod (Cminus a2 (ca x)) <= cA x - cma x -> holds_leaf_product x y ->
    product a2 a1 a -> node_fused a2 b1 y b -> complex_kernel (CNode l (CLeaf x)) a b.

Lemma Cmod_pair (z : C) x y : Cmod (Cminus z (x, y)) = norm (fst z - x) (snd z - y).
Proof. reflexivity. Qed.

Lemma size_mod a b : Complex.size (fst a) (snd a) (fst b) (snd b) = Cmod (Cmult a b).
Proof. destruct a, b; rewrite Cmod_mult; reflexivity. Qed.

Lemma op_flush x r : format x -> op x r -> Rabs (r - x) <= kadd prec emin ftz /\ (x = 0 -> r = 0) /\ format r.
Proof.
  intros Fx H; split; [|split; [intros ->; apply (op_0 _ _ _ _ _ H)|apply (op_format _ _ _ _ _ _ H)]].
  destruct H as [-> | (F & L & ->)].
  - unfold RN; rewrite round_generic by (auto; apply valid_rnd_N); rewrite Rminus_diag_eq, Rabs_R0 by reflexivity; apply kadd_pos.
  - replace (0 - x) with (- x) by ring; apply flush_kadd; assumption.
Qed.

Lemma op_zero_sum p x r : p = 0 -> format x -> op (p + x) r ->
  Rabs (r - x) <= kadd prec emin ftz /\ (x = 0 -> r = 0) /\ format r /\ (r = x \/ r = 0 /\ Rabs x <= kadd prec emin ftz).
Proof.
  intros -> Fx H; rewrite Rplus_0_l in H; destruct (op_flush _ _ Fx H) as (H1 & H2 & H3); repeat split; auto.
  destruct H as [-> | (F & L & ->)].
  - left; unfold RN; apply round_generic; [apply valid_rnd_N|exact Fx].
  - right; split; [reflexivity|]; unfold kadd; rewrite F; lra.
Qed.

(** The state is exactly 0: only flushing changes the summand. *)
Lemma node_zero_part x y c r : x = 0 -> y = 0 -> format c -> node_part x y c r ->
  Rabs (r - c) <= kadd prec emin ftz /\ (c = 0 -> r = 0) /\ format r.
Proof.
  intros -> -> Fc H.
  assert (J : forall s r, format s -> joined prec emin choice ftz 0 s r ->
    (s = 0 -> r = 0) /\ format r /\ (r = s \/ r = 0 /\ Rabs s <= kadd prec emin ftz)).
  { clear -prec_pos; intros s r Fs [p Hp H | H].
    - destruct (op_zero_sum p s r (op_0 _ _ _ _ _ Hp) Fs H) as (_ & H2 & H3 & H4); auto.
    - destruct (op_zero_sum 0 s r eq_refl Fs H) as (_ & H2 & H3 & H4); auto. }
  assert (L : forall r, (r = c \/ r = 0 /\ Rabs c <= kadd prec emin ftz) -> Rabs (r - c) <= kadd prec emin ftz).
  { intros z [-> | [-> Hz]]; [rewrite Rminus_diag_eq, Rabs_R0 by reflexivity; apply kadd_pos|].
    replace (0 - c) with (- c) by ring; rewrite Rabs_Ropp; exact Hz. }
  assert (T : forall s, joined prec emin choice ftz 0 c s -> joined prec emin choice ftz 0 s r ->
    Rabs (r - c) <= kadd prec emin ftz /\ (c = 0 -> r = 0) /\ format r).
  { intros s H1 H2; destruct (J _ _ Fc H1) as (Z1 & F1 & D1); destruct (J _ _ F1 H2) as (Z2 & F2 & D2).
    split; [|split; auto]; apply L.
    destruct D2 as [-> | [-> _]]; [exact D1|]; destruct D1 as [-> | [-> D1]].
    - destruct (J _ _ Fc H2) as (_ & _ & D); exact D.
    - right; auto. }
  destruct H as [p Hp Hr | s H1 H2 | s H1 H2]; [|apply (T s H1 H2)|apply (T s H1 H2)].
  assert (P0 : p = 0).
  { destruct Hp as [p1 p2 O1 O2 O | p2 O2 O | p1 O1 O];
      rewrite ?(op_0 _ _ _ _ _ O1) in O; rewrite ?(op_0 _ _ _ _ _ O2) in O; rewrite Rplus_0_l in O; apply (op_0 _ _ _ _ _ O). }
  destruct (op_zero_sum p c r P0 Fc Hr) as (H1 & H2 & H3 & _); auto.
Qed.

Lemma joined_zero s r : format s -> joined prec emin choice ftz 0 s r -> Rabs (r - s) <= kadd prec emin ftz /\ format r.
Proof.
  intros Fs [p Hp H | H].
  - destruct (op_zero_sum p s r (op_0 _ _ _ _ _ Hp) Fs H) as (H1 & _ & H3 & _); auto.
  - destruct (op_zero_sum 0 s r eq_refl Fs H) as (H1 & _ & H3 & _); auto.
Qed.

Lemma leaf_zero_part x y z r : x = 0 -> y = 0 -> fused_or_rounded prec emin choice ftz x y z r ->
  exists c, rounds_to z c /\ Rabs (r - c) <= kadd prec emin ftz.
Proof.
  intros Hx Hy [H | (c & Hc & H)].
  - assert (O : forall p q, p = 0 -> op (z + p) q -> rounds_to z q /\ format q).
    { intros p q -> O; rewrite Rplus_0_r in O; split; [apply (product_loss _ _ _ _ _ _ O)|apply (op_format _ _ _ _ _ _ O)]. }
    rewrite Hx, Hy in H; destruct H as [p Hp Hr | p s Hp Hs H2 | p s Hp Hs H2].
    + exists r; split; [apply (O p)|rewrite Rminus_diag_eq, Rabs_R0 by reflexivity; apply kadd_pos]; [|exact Hr].
      destruct Hp as [p1 p2 O1 O2 Op | p2 O2 Op | p1 O1 Op];
        rewrite ?(op_0 _ _ _ _ _ O1) in Op; rewrite ?(op_0 _ _ _ _ _ O2) in Op; rewrite Rplus_0_l in Op; apply (op_0 _ _ _ _ _ Op).
    + destruct (O p s (op_0 _ _ _ _ _ Hp) Hs) as [R1 F]; exists s; split; [exact R1|apply (joined_zero _ _ F H2)].
    + destruct (O p s (op_0 _ _ _ _ _ Hp) Hs) as [R1 F]; exists s; split; [exact R1|apply (joined_zero _ _ F H2)].
  - exists c; split; [apply (product_loss _ _ _ _ _ _ Hc)|].
    apply (node_zero_part x y c r Hx Hy (op_format _ _ _ _ _ _ Hc) H).
Qed.

Lemma outward y : exists c, rounds_to y c /\ Rabs c = (1 + v) * Rabs y + kmul prec emin ftz.
Proof.
  pose proof (v_pos prec) as Hv; pose proof (kmul_pos prec emin ftz) as Hk; destruct (Rle_or_lt 0 y) as [H|H].
  - exists (y * (1 + v) + kmul prec emin ftz); split.
    + exists v, (kmul prec emin ftz); rewrite !Rabs_pos_eq by assumption; repeat split; lra.
    + pose proof (Rmult_le_pos y (1 + v) H ltac:(lra)); rewrite !Rabs_pos_eq; lra.
  - exists (y * (1 + v) + - kmul prec emin ftz); split.
    + exists v, (- kmul prec emin ftz); rewrite Rabs_Ropp, !Rabs_pos_eq by assumption; repeat split; lra.
    + pose proof (Rmult_le_pos (- y) (1 + v) ltac:(lra) ltac:(lra)); rewrite (Rabs_left y), Rabs_left1 by lra; ring.
Qed.

Lemma leaf_product_size x y : holds_leaf_product x y ->
  norm ((1 + v) * Rabs (fst y) + kmul prec emin ftz) ((1 + v) * Rabs (snd y) + kmul prec emin ftz) <= cB x.
Proof.
  intros [_ H]; destruct (outward (fst y)) as (c & Hc & <-); destruct (outward (snd y)) as (d & Hd & <-).
  rewrite norm_abs; specialize (H (c, d) Hc Hd); pose proof (cb_cmb x); unfold norm; set (z := (c, d) : C) in *; clearbody z.
  pose proof (Cmod_triangle (Cminus z (cb x)) (cb x)) as T; replace (Cplus (Cminus z (cb x)) (cb x)) with z in T by ring; lra.
Qed.

Lemma fused_format x y z r : fused_or_rounded prec emin choice ftz x y z r -> format r.
Proof.
  intros [H | (c & _ & H)]; [destruct H as [p _ H | p s _ _ H | p s _ _ H]|destruct H as [p _ H | s _ H | s _ H]];
    try apply (op_format _ _ _ _ _ _ H); destruct H as [p' _ H | H]; apply (op_format _ _ _ _ _ _ H).
Qed.

Lemma negated_0 x : - (x * 0) = 0. Proof. ring. Qed.

Lemma node_formats a b c z : node a b c z -> formats z.
Proof.
  intros [Hr Hi]; split; [destruct Hr as [p _ H | s _ H | s _ H]|destruct Hi as [p _ H | s _ H | s _ H]];
    try apply (op_format _ _ _ _ _ _ H); destruct H as [p _ H | H]; apply (op_format _ _ _ _ _ _ H).
Qed.

Lemma u_serves : v * (2 + 2 * v) <= 2 * u.
Proof.
  pose proof (u_ro_pos radix2 prec) as Hu; unfold RoundingIEEE.v; set (x := u) in *; clearbody x.
  assert (E : 2 * x - x / (1 + x) * (2 + 2 * (x / (1 + x))) = 2 * (x * x * x) / ((1 + x) * (1 + x))) by (field; lra).
  assert (0 <= 2 * (x * x * x) / ((1 + x) * (1 + x))); [|lra].
  apply Rmult_le_pos; [repeat apply Rmult_le_pos; lra|left; apply Rinv_0_lt_compat, Rmult_lt_0_compat; lra].
Qed.

Lemma sqrt_2_kadd : sqrt 2 * kadd prec emin ftz <= kp.
Proof.
  pose proof (kadd_pos prec emin ftz) as H; pose proof (Rmult_le_compat_r _ _ _ H sqrt_2_le); unfold complex_kadd; lra.

Qed.

Theorem complex_kernel_ev t a b : complex_kernel t a b ->
  cev t a b /\ formats b /\ (tz (moduli t) = 0%nat -> b = RtoC 0).
Proof.
  destruct (constants prec emin ftz) as (Hv & Hk & Ha & _ & _ & _).
  assert (Hkp : 0 <= kp) by (unfold complex_kadd; lra).
  assert (Hp : 0 <= u) by apply u_ro_pos; assert (Hmv : 0 <= mu * v) by (unfold mu; lra).
  assert (Hkm : 0 <= km) by (unfold complex_kmul; lra).
  assert (Pa : forall a2 a1 a, product a2 a1 a -> Cmod (Cminus a (Cmult a2 a1)) <= mu * v * Cmod (Cmult a2 a1) + km).
  { clear a b; intros a2 a1 a [Pr Pi]; rewrite <- size_mod; unfold Cmult at 1; rewrite Cmod_pair.
    apply (complex_product_error prec emin choice ftz _ _ _ _ small); assumption. }
  induction 1 as [x a b Ha1 Hb1 F | l r a1 b1 a2 b2 a b _ (El & Fl & Zl) _ (Er & Fr & Zr) Hpa Hn
    | l x a1 b1 a2 y a b _ (El & Fl & Zl) Ha2 Hy Hpa [Nr Ni]].
  - split; [constructor; assumption|split; [exact F|]].
    intros Z; pose proof (cmb_le x) as L; pose proof (cb_cmb x); assert (B : cB x = 0).
    { apply (cz_zero x); unfold tz in Z; simpl in Z; destruct (cz x); [discriminate|reflexivity]. }
    rewrite B in *; pose proof (Cmod_ge_0 (cb x)); pose proof (Cmod_ge_0 (Cminus b (cb x))).
    assert (Z1 : cb x = RtoC 0) by (apply Cmod_eq_0; lra); rewrite Z1 in *.
    apply Cmod_eq_0; replace b with (Cminus b (RtoC 0)) by ring; lra.
  - pose proof (node_formats _ _ _ _ Hn) as Fb; destruct Hn as [Nr Ni].
    assert (Z : tz (moduli l) = 0%nat -> Cmod (Cminus b (Cplus (Cmult a2 b1) b2)) <= on (tz (moduli r)) kp /\ (b2 = RtoC 0 -> b = RtoC 0)).
    { intros Z; rewrite (Zl Z) in *; simpl fst in *; simpl snd in *.
      destruct (node_zero_part _ _ _ _ (Rmult_0_r _) (negated_0 _) (proj1 Fr) Nr) as (R1 & R2 & _).
      destruct (node_zero_part _ _ _ _ (Rmult_0_r _) (Rmult_0_r _) (proj2 Fr) Ni) as (I1 & I2 & _).
      assert (Z2 : b2 = RtoC 0 -> b = RtoC 0).
      { intros ->; destruct b as [x y]; unfold RtoC in *; simpl in *; rewrite R2, I2; reflexivity. }
      split; [|exact Z2].
      replace (Cplus (Cmult a2 (RtoC 0)) b2) with b2 by ring.
      destruct (Nat.eq_dec (tz (moduli r)) 0) as [Y|Y].
      - rewrite Y; rewrite (Z2 (Zr Y)), (Zr Y); replace (Cminus (RtoC 0) (RtoC 0)) with (RtoC 0) by ring; rewrite Cmod_0; simpl; lra.
      - rewrite on_nonzero by exact Y; apply Rle_trans with (2 := sqrt_2_kadd); rewrite <- norm_constant by exact Ha.
        destruct b2 as [x y]; rewrite Cmod_pair; apply norm_mono; assumption. }
    assert (Za : tz (moduli (CNode l r)) = 0%nat -> b = RtoC 0).
    { cbn [moduli]; rewrite tz_node; intros Z0; apply (proj2 (Z ltac:(lia))), Zr; lia. }
    split; [|split; assumption].
    specialize (Pa _ _ _ Hpa); pose proof (Cmod_ge_0 b2); pose proof (Cmod_ge_0 (Cmult a2 b1)) as H0; pose proof (Rmult_le_pos _ _ Hmv H0).
    destruct (Nat.eq_dec (tz (moduli l)) 0) as [Y|Y].
    + destruct (Z Y) as [Z1 _]; apply cev_node with (c := 0) (c2 := Cmod b2) (1 := El) (2 := Er) (3 := Pa);
        try (left; reflexivity); try lra; rewrite ?Y; simpl on; simpl plus; try lra.
      apply Rmult_le_pos; lra.
    + pose proof (complex_node_error prec emin choice ftz _ _ _ _ small (fst b2) (snd b2) (fst b) (snd b) u (proj1 Fr) (proj2 Fr) Nr Ni u_serves) as B.
      cbv zeta in B; rewrite size_mod in B; change (norm (fst b2) (snd b2)) with (Cmod (fst b2, snd b2)) in B; rewrite <- surjective_pairing in B.
      set (X := (1 + mu * v) * Cmod (Cmult a2 b1) + km) in *.
      assert (HX : Cmod (Cmult a2 b1) <= X) by (unfold X; lra).
      apply cev_node with (c := Rmin (u * (Cmod (Cmult a2 b1) + Cmod b2)) (Rmin X (Cmod b2))) (c2 := Cmod b2) (1 := El) (2 := Er) (3 := Pa);
        rewrite ?(on_nonzero (tz (moduli l))) by exact Y; try (left; reflexivity).
      * pose proof (on_pos (tz (moduli l) + tz (moduli r)) kp Hkp).
        destruct b2 as [x2 y2]; unfold Cmult at 1; unfold Cplus at 1; rewrite Cmod_pair; simpl fst in *; simpl snd in *; lra.
      * apply Rle_trans with (1 := Rmin_l _ _), Rmult_le_compat_l; [exact Hp|]; fold X; lra.
      * fold X; apply Rle_trans with (1 := Rmin_r _ _), Rmin_l.
      * apply Rle_trans with (1 := Rmin_r _ _), Rmin_r.
  - specialize (Pa _ _ _ Hpa); assert (T1 : tz (moduli (CLeaf x)) = 1%nat) by (unfold tz; simpl; rewrite (proj1 Hy); reflexivity).
    split; [|split; [split; [apply (fused_format _ _ _ _ Nr)|apply (fused_format _ _ _ _ Ni)]|change (moduli (CNode l (CLeaf x))) with (Node (moduli l) (moduli (CLeaf x))); rewrite tz_node, T1; lia]].
    assert (Leaf : forall c, rounds_to (fst y) (fst c) -> rounds_to (snd y) (snd c) -> cev (CLeaf x) a2 c).
    { intros c R1 R2; constructor; [exact Ha2|apply (proj2 Hy); assumption]. }
    pose proof (Cmod_ge_0 (Cmult a2 b1)) as H0; pose proof (Rmult_le_pos _ _ Hmv H0).
    destruct (Nat.eq_dec (tz (moduli l)) 0) as [Y|Y].
    + rewrite (Zl Y) in *; simpl fst in *; simpl snd in *.
      destruct (leaf_zero_part _ _ _ _ (Rmult_0_r _) (negated_0 _) Nr) as (cr & R1 & R2).
      destruct (leaf_zero_part _ _ _ _ (Rmult_0_r _) (Rmult_0_r _) Ni) as (ci & I1 & I2).
      pose proof (Cmod_ge_0 (cr, ci)).
      apply cev_node with (b2 := (cr, ci)) (c := 0) (c2 := Cmod (cr, ci)) (1 := El) (2 := Leaf (cr, ci) R1 I1) (3 := Pa);
        try (left; reflexivity); try lra; rewrite ?Y, ?T1; simpl on; simpl plus; try lra; [|apply Rmult_le_pos; lra].
      replace (Cplus (Cmult a2 (RtoC 0)) (cr, ci)) with ((cr, ci) : C) by (generalize ((cr, ci) : C); intros; ring); rewrite Cmod_pair.
      pose proof (norm_mono _ _ _ _ R2 I2) as N; rewrite norm_constant in N by exact Ha; pose proof sqrt_2_kadd; lra.
    + destruct (complex_leaf_error prec emin choice ftz _ _ _ _ small _ _ _ _ u Nr Ni u_serves) as (cr & ci & z & R1 & I1 & [Z0 Z1] & B).
      rewrite size_mod in B; set (X := (1 + mu * v) * Cmod (Cmult a2 b1) + km) in *.
      assert (HX : Cmod (Cmult a2 b1) <= X) by (unfold X; lra).
      apply cev_node with (b2 := (cr, ci)) (c := Rmin (u * (Cmod (Cmult a2 b1) + z)) (Rmin X z)) (c2 := z) (1 := El) (2 := Leaf (cr, ci) R1 I1) (3 := Pa);
        rewrite ?(on_nonzero (tz (moduli l))) by exact Y.
      * pose proof (on_pos (tz (moduli l) + tz (moduli (CLeaf x))) kp Hkp).
        unfold Cmult at 1; unfold Cplus at 1; rewrite Cmod_pair; simpl fst in *; simpl snd in *; lra.
      * right; exists x; split; [reflexivity|split; [exact Z0|apply Rle_trans with (1 := Z1), leaf_product_size, Hy]].
      * apply Rle_trans with (1 := Rmin_l _ _), Rmult_le_compat_l; [exact Hp|]; fold X; lra.
      * fold X; apply Rle_trans with (1 := Rmin_r _ _), Rmin_l.
      * apply Rle_trans with (1 := Rmin_r _ _), Rmin_r.
Qed.

Theorem complex_scan_bound t a b e m mh s x k : let l := lv (moduli t) in
  complex_kernel t a b -> upper (mu * v) km kp 0 l e m mh s x k ->
  let E := Cmod (Cminus b (chx (clv t))) in let G := complex_Gamma (mu * v) u l in
  (forall n, (depth (moduli t) <= n)%nat \/ n = Nat.pred (nz l) -> E <= theorem1_value (2 * u) n e m + G * k) /\
  E <= e + 2 * G * (Nf l * u * (mh + k)) + G * k /\
  (forall c tail tail', cell l c tail -> (1 <= c)%nat -> tail <= tail' ->
     E <= e + 2 * G * window_value u (Nf l) (INR c) tail' (mh + k) k + G * k).
Proof.
  intros l K Up; destruct (complex_kernel_ev t a b K) as [E _]; destruct (constants prec emin ftz) as (Hv & Hk & Ha & _).
  assert (H1 : 0 <= mu * v) by (unfold mu; lra); assert (H2 : 0 <= u) by apply u_ro_pos.
  assert (H3 : u <= 1).
  { assert (bpow radix2 (- prec + 1) <= bpow radix2 0) by (apply bpow_le; unfold Prec_gt_0 in *; lia).
    unfold u_ro; simpl in *; lra. }
  assert (H4 : 0 <= km) by (unfold complex_kmul; lra); assert (H5 : 0 <= kp) by (unfold complex_kadd; lra).
  exact (complex_allowance_sound _ _ _ _ H1 H2 H3 H4 H5 t a b e m mh s x k E Up).
Qed.

(** Every bracketing whose leaves can be held is evaluated. *)
Theorem complex_kernel_inhabited t :
  (forall x, In x (clv t) -> exists a b, complex_kernel (CLeaf x) a b) -> exists a b, complex_kernel t a b.
Proof.
  induction t as [x|l IHl r IHr]; intros H; [apply H; left; reflexivity|].
  destruct IHl as (a1 & b1 & K1); [intros; apply H, in_or_app; auto|].
  destruct IHr as (a2 & b2 & K2); [intros; apply H, in_or_app; auto|].
  set (fl := RN prec emin choice).
  assert (P : forall x y, part x y (fl (fl x + fl y))) by (intros; apply part_separate with (p := fl x) (q := fl y); left; reflexivity).
  exists (fl (fl (fst a2 * fst a1) + fl (- (snd a2 * snd a1))), fl (fl (fst a2 * snd a1) + fl (snd a2 * fst a1))).
  exists (fl (fl (fl (fst a2 * fst b1) + fl (- (snd a2 * snd b1))) + fst b2), fl (fl (fl (fst a2 * snd b1) + fl (snd a2 * fst b1)) + snd b2)).
  apply complex_kernel_node with (1 := K1) (2 := K2); [split; apply P|].
  split; (eapply node_product; [apply P|left; reflexivity]).
Qed.
End Kernel.

Section Instances.
Variables (choice : Z -> bool) (ftz : bool).
Local Instance prec24 : Prec_gt_0 24 := eq_refl.
Local Instance prec53 : Prec_gt_0 53 := eq_refl.
Lemma small_binary32 : v 24 <= / 4096.
Proof. unfold v, u_ro; change (bpow radix2 (Z.opp 24 + 1)) with (/ 8388608); lra. Qed.
Lemma small_binary64 : v 53 <= / 4096.
Proof. unfold v, u_ro; change (bpow radix2 (Z.opp 53 + 1)) with (/ 4503599627370496); lra. Qed.
Definition complex_scan_bound_binary32 := complex_scan_bound 24 (-149) choice ftz small_binary32.
Definition complex_scan_bound_binary64 := complex_scan_bound 53 (-1074) choice ftz small_binary64.
End Instances.
