(** Theorems 1, 2 and 3: the deviation of any bracketing from the exact scan.

    Main results: [theorem1], [theorem2_count], [theorem2_window], [theorem3], and [allowance_sound]: the
    value that the oracle computes, from O(1) recurrences each evaluated exactly or too large, bounds the
    deviation. [Em_cons], [E1_cons] are the recurrences; [cell] is a window.
    Inexact leaves, any choice of fused operations, underflow, exact multipliers, zero leaves included.
    Depends on: RoundingLists, RoundingModel, RoundingTree, RoundingAbsorption, RoundingKicks. *)
From Coq Require Import Reals List Arith Lia Lra Psatz.
From Exactscan Require Import RoundingLists RoundingModel RoundingTree RoundingAbsorption RoundingKicks.
Import ListNotations.
Open Scope R_scope.

Section Bounds.
Variables v km kp k0 : R.
(** Theorem 2 needs rounding to nearest. *)
Variable absorb : bool.
Hypothesis v0 : 0 <= v.
Hypothesis v1 : v <= 1.
Hypothesis km0 : 0 <= km.
Hypothesis kp0 : 0 <= kp.
Hypothesis k00 : 0 <= k0.
Notation q := (q v).
Notation ev := (ev v km kp k0 absorb).
Notation Uf := (Uf km kp k0).
Notation D := (D km kp k0).

(** The quantities of the notes, for a list of leaves, the latest first. *)
Definition Nf l := INR (pred (nz l)).
Definition Em l := Wm v l - Mb l.
Definition E1 l := q ^ pred (nz l) * Wm v l - Mb l.
Definition Gamma l := q ^ (nm l + pred (nz l)).
Definition M1 l := Mh l + Uf l.
(** Bracket of Theorem 2 for a window with [c] non-zero leaves and weight [tail] before them. *)
Definition bracket l c tail := (1 + Nf l * v) * (c * v * M1 l + tail + Uf l) - v * M1 l.

Lemma Em_cons x xs :
  Em (x :: xs) = q ^ bit (lm x) * lA x * Em xs
    + ((q ^ bit (lm x) - 1) * lA x + (lA x - ma x)) * Mb xs + (lB x - mb x).
Proof. unfold Em; simpl; ring. Qed.

(** Theorem 1 needs no recurrence of its own. *)
Lemma E1_closed l : E1 l = q ^ pred (nz l) * Em l + (q ^ pred (nz l) - 1) * Mb l.
Proof. unfold E1, Em; ring. Qed.

(** The recurrence of Theorem 1 with every operation counted once a step. *)
Lemma E1_cons x xs (n := nz xs) : n <> 0%nat ->
  E1 (x :: xs) = q ^ (bit (lm x) + bit (lz x)) * lA x * E1 xs
    + (q ^ (bit (lm x) + bit (lz x)) * lA x - ma x) * Mb xs
    + (if lz x then q ^ n * lB x else lB x * q ^ pred n) - mb x.
Proof.
  intros Hn; unfold E1; simpl; fold n; destruct (lz x); simpl bit.
  - replace (pred (1 + n)) with (1 + pred n)%nat by lia.
    replace (q ^ n) with (q ^ (1 + pred n)) by (f_equal; lia).
    rewrite !pow_add; ring.
  - rewrite Nat.add_0_r; simpl plus; ring.
Qed.

Lemma BU_split t : BU km kp k0 t = Mh (lv t) + D t.
Proof. unfold RoundingModel.D; ring. Qed.

Lemma kicks_le t : q ^ roundings t * D t <= Gamma (lv t) * Uf (lv t).
Proof.
  unfold Gamma, roundings, tm, tz; apply Rmult_le_compat_l; [apply (qn_pos v v0)|].
  apply excess_le; assumption.
Qed.

Theorem theorem3 t a b n : ev t a b -> (depth t <= n)%nat ->
  Rabs (b - hx (lv t)) <= q ^ Nat.min n (pred (nz (lv t))) * Wm v (lv t) - Mb (lv t)
                          + Gamma (lv t) * Uf (lv t).
Proof.
  intros E Hn; destruct (ev_B _ _ _ _ _ v0 km0 kp0 k00 _ _ _ E) as [_ H].
  apply Rle_trans with (1 := H); pose proof (kicks_le t) as HK; pose proof (depth_le t) as Hd.
  assert (q ^ depth t * Wm v (lv t) <= q ^ Nat.min n (pred (nz (lv t))) * Wm v (lv t)).
  { apply Rmult_le_compat_r; [apply (Wm_pos v v0)|apply (qn_le v v0)]; unfold tz in Hd; lia. }
  assert (q ^ (tm t + depth t) * D t <= q ^ roundings t * D t).
  { apply Rmult_le_compat_r; [apply D_pos; assumption|apply (qn_le v v0); unfold roundings; lia]. }
  lra.
Qed.

Theorem theorem1 t a b : ev t a b ->
  Rabs (b - hx (lv t)) <= E1 (lv t) + Gamma (lv t) * Uf (lv t).
Proof.
  intros E; pose proof (theorem3 t a b _ E (depth_le t)) as H.
  unfold tz in H; rewrite Nat.min_id in H; exact H.
Qed.

Lemma sums_apart t a b : absorb = true -> ev t a b ->
  Rabs (b - hx (lv t)) <= Em (lv t) + Gamma (lv t) * V v km kp k0 t + Gamma (lv t) * Uf (lv t).
Proof.
  intros Near E; destruct (ev_C _ _ _ _ _ v0 km0 kp0 k00 _ _ _ Near E) as [_ H].
  apply Rle_trans with (1 := H); pose proof (kicks_le t).
  unfold Em; change (q ^ roundings t) with (Gamma (lv t)) in *; lra.
Qed.

Theorem theorem2_count t a b : absorb = true -> ev t a b ->
  Rabs (b - hx (lv t)) <= Em (lv t) + Gamma (lv t) * (Nf (lv t) * v * M1 (lv t))
                          + Gamma (lv t) * Uf (lv t).
Proof.
  intros Near E; apply Rle_trans with (1 := sums_apart _ _ _ Near E).
  apply Rplus_le_compat_r, Rplus_le_compat_l, Rmult_le_compat_l; [apply (qn_pos v v0)|].
  apply Rle_trans with (1 := costs_count v km kp k0 v0 km0 kp0 k00 t).
  apply Rmult_le_compat_l; [apply Rmult_le_pos; [apply pos_INR|exact v0]|].
  rewrite BU_split; unfold M1; pose proof (excess_le km kp k0 km0 kp0 k00 t); lra.
Qed.

Lemma bracket_mono d u n c m tail : 0 <= n -> 0 <= c -> d <= u ->
  (1 + n * v) * (c * (v * (m + d)) + tail + d) - v * (m + d)
  <= (1 + n * v) * (c * v * (m + u) + tail + u) - v * (m + u).
Proof.
  intros Hn Hc Hd.
  assert (0 <= (n * v + (1 + n * v) * (c * v)) * (u - d)).
  { pose proof (Rmult_le_pos _ _ Hn v0); pose proof (Rmult_le_pos _ _ Hc v0).
    apply Rmult_le_pos; [|lra]; apply Rplus_le_le_0_compat; [assumption|apply Rmult_le_pos; lra]. }
  assert (v * (u - d) <= 1 * (u - d)) by (apply Rmult_le_compat_r; lra); lra.
Qed.

Theorem theorem2_window t a b ys xs : absorb = true -> ev t a b -> lv t = ys ++ xs ->
  Rabs (b - hx (lv t)) <= Em (lv t) + Gamma (lv t) * bracket (lv t) (INR (nz ys)) (PH ys * Mh xs)
                          + Gamma (lv t) * Uf (lv t).
Proof.
  intros Near E S; apply Rle_trans with (1 := sums_apart _ _ _ Near E).
  apply Rplus_le_compat_r, Rplus_le_compat_l, Rmult_le_compat_l; [apply (qn_pos v v0)|].
  apply Rle_trans with (1 := costs_window v km kp k0 v0 v1 km0 kp0 k00 t ys xs S).
  unfold bracket, M1; rewrite BU_split.
  apply bracket_mono; [apply pos_INR|apply pos_INR|apply excess_le; assumption].
Qed.

(** ** What the oracle evaluates *)
(** A window: opened at some step, then carried along. *)
Inductive cell : list leaf -> nat -> R -> Prop :=
| cell_open l : cell l 0 (Mh l)
| cell_step x xs c tail : cell xs c tail -> cell (x :: xs) (bit (lz x) + c) (lA x * tail).

Lemma cell_cut l c tail : cell l c tail -> exists ys xs, l = ys ++ xs /\ c = nz ys /\ tail = PH ys * Mh xs.
Proof.
  induction 1 as [l|x xs c tail _ (ys & zs & -> & -> & ->)].
  - exists [], l; simpl; repeat split; ring.
  - exists (x :: ys), zs; simpl; repeat split; ring.
Qed.

(** The bracket without subtraction, for windows that hold a non-zero leaf. *)
Lemma bracket_positive l c tail :
  bracket l c tail = (1 + Nf l * v) * ((c - 1) * v * M1 l + tail + Uf l) + Nf l * v * (v * M1 l).
Proof. unfold bracket; ring. Qed.

(** Any values at least as large as the quantities give a bound: upward rounding is sound. *)
Record upper l (e m mh s x u : R) : Prop := {
  up_e : Em l <= e; up_m : Mb l <= m; up_mh : Mh l <= mh; up_s : Sf l <= s;
  up_x : Xf km kp k0 l <= x; up_u : kb km kp k0 (length l) * s + ka0 km k0 (length l) * x <= u }.

Definition theorem1_value n e m := q ^ n * e + (q ^ n - 1) * m.
Definition window_value n c tail m u := (1 + n * v) * ((c - 1) * v * m + tail + u) + n * v * (v * m).

Lemma upper_u l e m mh s x u : upper l e m mh s x u -> Uf l <= u /\ M1 l <= mh + u.
Proof.
  intros [He Hm Hmh Hs Hx Hu].
  assert (Uf l <= u).
  { apply Rle_trans with (2 := Hu); unfold RoundingKicks.Uf; apply Rplus_le_compat; apply Rmult_le_compat_l;
      auto using kb_pos, ka0_pos. }
  split; [assumption|unfold M1; lra].
Qed.

Theorem allowance_sound t a b e m mh s x u : ev t a b -> upper (lv t) e m mh s x u ->
  let l := lv t in
  (forall n, (depth t <= n)%nat \/ n = pred (nz l) ->
     Rabs (b - hx l) <= theorem1_value n e m + Gamma l * u) /\
  (absorb = true -> Rabs (b - hx l) <= e + Gamma l * (Nf l * v * (mh + u)) + Gamma l * u) /\
  (absorb = true -> forall c tail tail', cell l c tail -> (1 <= c)%nat -> tail <= tail' ->
     Rabs (b - hx l) <= e + Gamma l * window_value (Nf l) (INR c) tail' (mh + u) u + Gamma l * u).
Proof.
  intros E Up; cbv zeta; set (l := lv t) in *.
  destruct (upper_u _ _ _ _ _ _ _ Up) as [HU HM1]; destruct Up as [He Hm Hmh Hs Hx Hu].
  assert (HG : 0 <= Gamma l) by apply (qn_pos v v0).
  assert (HGU := Rmult_le_compat_l _ _ _ HG HU).
  assert (HN : 0 <= Nf l) by apply pos_INR; assert (HNv := Rmult_le_pos _ _ HN v0).
  split; [|split].
  - intros n Hn; assert (Hd : (depth t <= n)%nat).
    { destruct Hn as [Hn| ->]; [exact Hn|apply depth_le]. }
    apply Rle_trans with (1 := theorem3 t a b n E Hd); fold l.
    assert (q ^ Nat.min n (pred (nz l)) * Wm v l <= q ^ n * Wm v l).
    { apply Rmult_le_compat_r; [apply (Wm_pos v v0)|apply (qn_le v v0); lia]. }
    pose proof (qn_ge1 v v0 n) as Hq; unfold theorem1_value, Em in *.
    assert (q ^ n * (Wm v l - Mb l) <= q ^ n * e) by (apply Rmult_le_compat_l; lra).
    assert ((q ^ n - 1) * Mb l <= (q ^ n - 1) * m) by (apply Rmult_le_compat_l; lra); lra.
  - intros Near; apply Rle_trans with (1 := theorem2_count t a b Near E); fold l.
    pose proof (Rmult_le_compat_l _ _ _ HG (Rmult_le_compat_l _ _ _ HNv HM1)); lra.
  - intros Near c tail tail' HC Hc Ht; destruct (cell_cut _ _ _ HC) as (ys & xs & S & -> & ->).
    apply Rle_trans with (1 := theorem2_window t a b ys xs Near E S); fold l.
    rewrite bracket_positive; unfold window_value.
    assert (Hc1 : 0 <= INR (nz ys) - 1) by (apply (le_INR 1) in Hc; simpl in Hc; lra).
    pose proof (Rmult_le_compat_l _ _ _ (Rmult_le_pos _ _ Hc1 v0) HM1) as P1.
    pose proof (Rmult_le_compat_l _ _ _ (Rmult_le_pos _ _ HNv v0) HM1) as P2.
    assert (P3 : (INR (nz ys) - 1) * v * M1 l + PH ys * Mh xs + Uf l
                 <= (INR (nz ys) - 1) * v * (mh + u) + tail' + u) by lra.
    pose proof (Rmult_le_compat_l (1 + Nf l * v) _ _ ltac:(lra) P3) as P4.
    apply Rplus_le_compat; [apply Rplus_le_compat; [exact He|]|exact HGU].
    apply Rmult_le_compat_l; [exact HG|lra].
Qed.

(** The recurrences keep [upper]: each new value at least the formula in the old ones. *)
Theorem upper_start x e m mh u : lB x - mb x <= e -> mb x <= m -> lB x <= mh -> k0 <= u ->
  upper [x] e m mh 1 0 u.
Proof.
  intros; constructor; unfold Em, Xf, kb, ka0; simpl; lra.
Qed.

Theorem upper_step x xs e m mh s X u g e' m' mh' s' X' u' : xs <> [] ->
  upper xs e m mh s X u -> Gf km kp k0 xs <= g ->
  q ^ bit (lm x) * lA x * e + ((q ^ bit (lm x) - 1) * lA x + (lA x - ma x)) * m
    + (lB x - mb x) <= e' ->
  ma x * m + mb x <= m' -> lA x * mh + lB x <= mh' ->
  Rmax 1 (lA x * s) <= s' -> Rmax (lA x * X) g <= X' ->
  kb km kp k0 (length (x :: xs)) * s' + ka0 km k0 (length (x :: xs)) * X' <= u' ->
  upper (x :: xs) e' m' mh' s' X' u' /\ Gf km kp k0 (x :: xs) <= Rmax g (mh' + u').
Proof.
  intros N Up Hg He Hm Hmh Hs HX Hu.
  assert (Up' : upper (x :: xs) e' m' mh' s' X' u').
  { destruct Up as [Oe Om Omh Os OX Ou].
    pose proof (lA_pos x) as HA; pose proof (ma_le x); pose proof (qn_ge1 v v0 (bit (lm x))) as Hq.
    assert (HqA : 0 <= (q ^ bit (lm x) - 1) * lA x) by (apply Rmult_le_pos; lra).
    constructor; auto.
    - rewrite Em_cons; apply Rle_trans with (2 := He), Rplus_le_compat_r, Rplus_le_compat.
      + apply Rmult_le_compat_l; [apply Rmult_le_pos; lra|exact Oe].
      + apply Rmult_le_compat_l; lra.
    - simpl; pose proof (Rmult_le_compat_l _ _ _ (ma_pos x) Om); lra.
    - simpl; pose proof (Rmult_le_compat_l _ _ _ HA Omh); lra.
    - rewrite Sf_cons by exact N; apply Rle_trans with (2 := Hs), Rle_max_compat_l, Rmult_le_compat_l; assumption.
    - rewrite Xf_cons by exact N; apply Rle_trans with (2 := HX).
      pose proof (Rmult_le_compat_l _ _ _ HA OX).
      apply Rmax_lub; [apply Rle_trans with (2 := Rmax_l _ _)|apply Rle_trans with (2 := Rmax_r _ _)]; assumption. }
  split; [exact Up'|].
  rewrite Gf_cons by exact N; destruct (upper_u _ _ _ _ _ _ _ Up') as [_ HM].
  apply Rmax_lub; [apply Rle_trans with (2 := Rmax_l _ _)|apply Rle_trans with (2 := Rmax_r _ _)]; assumption.
Qed.
End Bounds.
