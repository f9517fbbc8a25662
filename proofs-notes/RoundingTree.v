(** What the deviation of a floating-point evaluation of a bracketing is made of.

    Main results: [ev_A] (multipliers), [ev_B] (every rounding charged to the leaves below it: Theorems 1
    and 3), [ev_C] (the roundings of sums kept apart, with their absorption costs [V]: Theorem 2),
    [ev_bound] (sizes of all computed values).
    Depends on: RoundingLists, RoundingModel. *)
From Coq Require Import Reals List Arith Lia Lra Psatz.
From Exactscan Require Import RoundingLists RoundingModel.
Import ListNotations.
Open Scope R_scope.

Section Invariants.
Variables v km kp k0 : R.
Variable absorb : bool.
Hypothesis v0 : 0 <= v.
Hypothesis km0 : 0 <= km.
Hypothesis kp0 : 0 <= kp.
Hypothesis k00 : 0 <= k0.
Notation q := (q v).
Notation ev := (ev v km kp k0 absorb).
Notation AU := (AU km k0).
Notation BU := (BU km kp k0).
Notation V := (V v km kp k0).
Notation D := (D km kp k0).
Notation DA := (DA km k0).

Lemma on_factor n : 1 + on n v = q ^ (bit (negb (n =? 0))).
Proof. destruct n; simpl; unfold q; ring. Qed.

Lemma bit_pred a b : (bit (negb (a * b =? 0)) + pred b + pred a <= pred (a + b))%nat.
Proof. destruct a, b; rewrite ?Nat.mul_0_r; simpl; lia. Qed.

Theorem ev_A t a b : ev t a b -> dom a (PA (lv t)) (q ^ pred (tm t) * AU t) (PR (lv t)).
Proof.
  induction 1 as [x a b Ha Hb | l r a1 b1 a2 b2 c2 da ea db eb e f E1 IH1 E2 IH2 Hda Hea Hdb Heb X Hc He1 He23 Hf].
  - cbn [lv PA PR RoundingModel.AU]; rewrite !Rmult_1_r; split; [apply la_ma|].
    apply Rle_trans with (1 := Ha).
    pose proof (lA_pos x); pose proof (qn_ge1 v v0 (pred (tm (Leaf x)))).
    assert (1 * (lA x + k0) <= q ^ pred (tm (Leaf x)) * (lA x + k0)) by (apply Rmult_le_compat_r; lra); lra.
  - cbn [lv]; rewrite PA_app, PR_app.
    eapply dom_weaken; [apply dom_err with (k := km), Hea; apply dom_rnd with (v := on (tm l * tm r) v), Hda;
      apply dom_mul; eassumption|].
    cbn [RoundingModel.AU]; rewrite Rmult_plus_distr_l, on_factor.
    apply Rplus_le_compat.
    + replace (q ^ bit (negb (tm l * tm r =? 0)) * (q ^ pred (tm r) * AU r * (q ^ pred (tm l) * AU l)))
        with (q ^ (bit (negb (tm l * tm r =? 0)) + pred (tm r) + pred (tm l)) * (AU r * AU l))
        by (rewrite !pow_add; ring).
      apply Rmult_le_compat_r; [auto using Rmult_le_pos, AU_pos|].
      apply qn_le; [exact v0|]; rewrite tm_node.
      apply bit_pred.
    + rewrite <- (Rmult_1_l km) at 1; apply Rmult_le_compat_r; auto using qn_ge1.
Qed.


Lemma q_split n : q ^ bit (negb (n =? 0)) * q ^ pred n = q ^ n.
Proof. rewrite <- pow_add; f_equal; destruct n; reflexivity. Qed.

(** The product in a node, before the sum. *)
Lemma product_dom l r a2 b1 (db eb k : R) (W : R) :
  dom a2 (PA (lv r)) (q ^ pred (tm r) * AU r) (PR (lv r)) ->
  dom b1 (hx (lv l)) W (Mb (lv l)) ->
  Rabs db <= on (tm r) v -> Rabs eb <= k ->
  dom (a2 * b1 * (1 + db) + eb) (PA (lv r) * hx (lv l)) (q ^ tm r * AU r * W + k) (PR (lv r) * Mb (lv l)).
Proof.
  intros HA HB Hd He.
  eapply dom_weaken.
  - apply dom_err with (k := k), He; apply dom_rnd with (v := on (tm r) v), Hd; apply dom_mul; eassumption.
  - right; rewrite on_factor, <- (q_split (tm r)); ring.
Qed.

Lemma product_size r a2 b1 (k W : R) :
  dom a2 (PA (lv r)) (q ^ pred (tm r) * AU r) (PR (lv r)) -> Rabs b1 <= W ->
  (1 + on (tm r) v) * Rabs (a2 * b1) + k <= q ^ tm r * AU r * W + k.
Proof.
  intros HA HB; apply Rplus_le_compat_r; rewrite Rabs_mult, on_factor.
  apply Rle_trans with (q ^ bit (negb (tm r =? 0)) * (q ^ pred (tm r) * AU r * W)).
  - apply Rmult_le_compat_l; [apply qn_pos, v0|].
    apply Rmult_le_compat; auto using Rabs_pos; apply dom_abs with (1 := HA).
  - right; rewrite <- (q_split (tm r)); ring.
Qed.

(** Everything in a node, with the error of the sum bounded by [E]. *)
Lemma node_dom l r a2 b1 b2 db eb e f W1 W2 E :
  dom a2 (PA (lv r)) (q ^ pred (tm r) * AU r) (PR (lv r)) ->
  dom b1 (hx (lv l)) W1 (Mb (lv l)) -> dom b2 (hx (lv r)) W2 (Mb (lv r)) ->
  Rabs db <= on (tm r) v -> Rabs eb <= on (tz l) km -> Rabs e <= E -> Rabs f <= on (tz l + tz r) kp ->
  dom (a2 * b1 * (1 + db) + eb + b2 + e + f) (hx (lv (Node l r)))
      (q ^ tm r * AU r * W1 + on (tz l) km + W2 + E + on (tz l + tz r) kp) (Mb (lv (Node l r))).
Proof.
  intros HA H1 H2 Hd Hk He Hf; cbn [lv]; rewrite hx_app, Mb_app.
  apply dom_err, Hf; apply dom_err, He; apply dom_add, H2.
  apply product_dom; assumption.
Qed.

Lemma leaf_dom x b n : Rabs (b - lb x) <= lB x + on (bit (lz x)) k0 - mb x ->
  dom b (hx [x]) (Wm v [x] + q ^ n * D (Leaf x)) (Mb [x]).
Proof.
  intros Hb; unfold RoundingModel.D; cbn [lv hx Mb Mh Wm RoundingModel.BU]; rewrite !Rmult_0_r, !Rplus_0_l; split; [apply lb_mb|].
  apply Rle_trans with (1 := Hb); pose proof (qn_ge1 v v0 n); pose proof (on_pos (bit (lz x)) k0 k00).
  assert (1 * on (bit (lz x)) k0 <= q ^ n * on (bit (lz x)) k0) by (apply Rmult_le_compat_r; lra).
  replace (lB x + on (bit (lz x)) k0 - lB x) with (on (bit (lz x)) k0) by ring; lra.
Qed.

Lemma factor_step m s n : (bit s + m <= n)%nat -> (1 + (if s then v else 0)) * q ^ m <= q ^ n.
Proof.
  intros Hn; apply Rle_trans with (q ^ (bit s + m)); [|apply qn_le; auto].
  rewrite pow_add; apply Rmult_le_compat_r; [apply qn_pos, v0|].
  destruct s; simpl; unfold RoundingLists.q; lra.
Qed.

Ltac pos := repeat first [assumption | apply Rmult_le_pos | apply Rplus_le_le_0_compat].

Lemma node_arith_B F x y dl dr d P A Wl Ml Dl k Wr Dr f :
  0 <= P -> 0 <= A -> 0 <= Wl -> 0 <= Dl -> 0 <= k -> 0 <= Wr -> 0 <= Dr -> 0 <= f -> 0 <= Ml ->
  0 <= F -> 1 <= x -> 1 <= y -> 1 <= d -> F * dl <= d -> F * dr <= d -> F <= d -> Wl <= y * Ml -> 0 <= dr ->
  F * (x * (P + A) * (dl * Wl + y * dl * Dl) + k + dr * Wr + x * dr * Dr) + f
  <= d * (x * P * Wl + Wr) + x * y * d * (P * Dl + A * (Ml + Dl) + k + Dr + f).
Proof.
  intros HP HA HWl HDl Hk HWr HDr Hf HMl HF Hx Hy Hd Hdl Hdr HFd HW Hdr0.
  assert (0 <= x) by lra; assert (0 <= y) by lra; assert (0 <= d) by lra.
  assert (1 <= x * y) by (replace 1 with (1 * 1) by ring; apply Rmult_le_compat; lra).
  assert (d <= x * y * d) by (rewrite <- (Rmult_1_l d) at 1; apply Rmult_le_compat_r; lra).
  assert (1 <= x * y * d) by lra.
  pose proof (Rmult_le_compat_r (x * P * Wl) _ _ ltac:(pos) Hdl).
  pose proof (Rmult_le_compat_r (x * A * Wl) _ _ ltac:(pos) Hdl).
  pose proof (Rmult_le_compat_l (d * x * A) _ _ ltac:(pos) HW).
  pose proof (Rmult_le_compat_r (x * y * (P + A) * Dl) _ _ ltac:(pos) Hdl).
  pose proof (Rmult_le_compat_r k _ _ Hk (Rle_trans _ _ _ HFd H3)).
  pose proof (Rmult_le_compat_r Wr _ _ HWr Hdr).
  pose proof (Rmult_le_compat_r (x * Dr) _ _ ltac:(pos) Hdr).
  pose proof (Rmult_le_compat_r (d * x * Dr) _ _ ltac:(pos) Hy).
  pose proof (Rmult_le_compat_r f _ _ Hf H4).
  lra.
Qed.

Lemma sum_silent l r P W2 e X c2 : (tz l * tz r = 0)%nat ->
  (tz l = 0%nat -> P = 0) -> (tz r = 0%nat -> W2 = 0) ->
  X <= P -> c2 <= W2 -> Rabs e <= X -> Rabs e <= c2 -> Rabs e <= 0.
Proof.
  intros Z HP HW H1 H2 H3 H4; apply Nat.eq_mul_0 in Z; destruct Z as [Z|Z];
    [rewrite HP in H1 by exact Z|rewrite HW in H2 by exact Z]; lra.
Qed.

Lemma size_le_B r b2 c2 : size_of r b2 c2 ->
  Rabs b2 <= q ^ depth r * Wm v (lv r) + q ^ (tm r + depth r) * D r ->
  c2 <= q ^ depth r * Wm v (lv r) + q ^ (tm r + depth r) * D r.
Proof.
  intros [-> | (x & -> & H)] Hb; [exact Hb|]; cbn [depth lv Wm]; rewrite Rmult_0_r, Rplus_0_l, pow_O, Rmult_1_l.
  pose proof (Rmult_le_pos _ _ (qn_pos v v0 (tm (Leaf x) + 0)) (D_pos km kp k0 km0 kp0 k00 (Leaf x))); lra.
Qed.

(** Every rounding charged to the leaves below it. *)
Theorem ev_B t a b : ev t a b ->
  dom b (hx (lv t)) (q ^ depth t * Wm v (lv t) + q ^ (tm t + depth t) * D t) (Mb (lv t)).
Proof.
  induction 1 as [x a b Ha Hb | l r a1 b1 a2 b2 c2 da ea db eb e f E1 IH1 E2 IH2 Hda Hea Hdb Heb X Hc He1 He23 Hf].
  - cbn [depth]; rewrite pow_O, Rmult_1_l; apply leaf_dom, Hb.
  - pose proof (ev_A _ _ _ E2) as HA.
    set (s := negb (tz l * tz r =? 0)).
    set (W1 := q ^ depth l * Wm v (lv l) + q ^ (tm l + depth l) * D l) in *.
    set (W2 := q ^ depth r * Wm v (lv r) + q ^ (tm r + depth r) * D r) in *.
    set (P := q ^ tm r * AU r * W1 + on (tz l) km).
    assert (HX : X <= P) by (apply product_size; [exact HA|apply dom_abs with (1 := IH1)]).
    assert (Hb2 : c2 <= W2) by apply (size_le_B r b2 c2 Hc (dom_abs _ _ _ _ IH2)).
    assert (He : Rabs e <= (if s then v else 0) * (P + W2)).
    { unfold s; destruct (Nat.eqb_spec (tz l * tz r) 0) as [Z|Z]; simpl negb; cbv iota.
      - destruct (He23 (or_intror Z)) as [He2 He3]; rewrite Rmult_0_l; apply (sum_silent l r P W2 e X c2); auto; intros Z1;
          destruct (tz_zero v km kp k0 _ Z1) as (_ & Z2 & _ & Z3 & _); unfold P, W1, W2; rewrite Z2, Z3, ?Z1; simpl; ring.
      - apply Rle_trans with (1 := He1), Rmult_le_compat_l; lra. }
    eapply dom_weaken; [apply node_dom with (W1 := W1) (W2 := W2) (E := (if s then v else 0) * (P + W2)); eassumption|].
    fold P; rewrite (D_node km kp k0); cbn [lv]; rewrite Wm_app, tm_node; unfold P, W1, W2.
    assert (Hd : depth (Node l r) = (Nat.max (depth l) (depth r) + bit s)%nat) by reflexivity.
    replace (AU r) with (PH (lv r) + DA r) by (unfold RoundingModel.DA; ring).
    apply Rle_trans with ((1 + (if s then v else 0)) * (q ^ tm r * (PH (lv r) + DA r) *
        (q ^ depth l * Wm v (lv l) + q ^ tm l * q ^ depth l * D l) + on (tz l) km
        + q ^ depth r * Wm v (lv r) + q ^ tm r * q ^ depth r * D r) + on (tz l + tz r) kp);
      [right; rewrite !pow_add; ring|].
    eapply Rle_trans; [apply node_arith_B with (d := q ^ depth (Node l r)) (Ml := Mh (lv l))|];
      auto using PH_pos, DA_pos, Wm_pos, D_pos, on_pos, Mh_pos, qn_ge1, qn_pos, Wm_le.
    + destruct s; lra.
    + apply factor_step; rewrite Hd; lia.
    + apply factor_step; rewrite Hd; lia.
    + rewrite <- (Rmult_1_r (1 + _)); change 1 with (q ^ 0) at 2; apply factor_step; rewrite Hd; lia.
    + apply (Wm_le v v0).
    + right; unfold tm; rewrite !pow_add; ring.
Qed.

Lemma depth_le t : (depth t <= pred (tz t))%nat.
Proof.
  induction t as [x|l IHl r IHr]; [simpl; lia|]; cbn [depth]; rewrite tz_node.
  destruct (Nat.eqb_spec (tz l * tz r) 0) as [Z|Z]; simpl bit; [apply Nat.eq_mul_0 in Z; lia|].
  destruct (tz l), (tz r); rewrite ?Nat.mul_0_r in Z; simpl in *; lia.
Qed.

Lemma ev_bound t a b : ev t a b -> Rabs b <= q ^ roundings t * BU t.
Proof.
  intros E; pose proof (dom_abs _ _ _ _ (ev_B _ _ _ E)) as Hb.
  apply Rle_trans with (1 := Hb); unfold roundings.
  destruct (Nat.eq_dec (tz t) 0) as [Z|Z].
  - destruct (tz_zero v km kp k0 _ Z) as (Z1 & Z2 & _ & Z3 & _); rewrite Z1, Z2, Z3; lra.
  - pose proof (qn_le v v0 (depth t) (pred (tz t)) (depth_le t)).
    pose proof (Wm_le v v0 (lv t)) as HW.
    replace (BU t) with (Mh (lv t) + D t) by (unfold RoundingModel.D; ring).
    rewrite !pow_add.
    pose proof (qn_pos v v0 (tm t)); pose proof (qn_pos v v0 (depth t)).
    pose proof (Rmult_le_compat _ _ _ _ (qn_pos v v0 (depth t)) (Wm_pos v v0 (lv t)) H HW).
    pose proof (Rmult_le_compat_r (q ^ tm t * D t) _ _ ltac:(auto using Rmult_le_pos, D_pos) H).
    unfold tm in *; lra.
Qed.

Lemma node_arith_C x y Q Ql Qr P A Wl Ml Vl Dl k Wr Vr Dr f cost :
  0 <= P -> 0 <= A -> 0 <= Wl -> 0 <= Ml -> 0 <= Vl -> 0 <= Dl -> 0 <= k -> 0 <= Vr -> 0 <= Dr -> 0 <= f ->
  0 <= x -> 1 <= Q -> x * Ql <= Q -> Qr <= Q -> x * y <= Q -> Wl <= y * Ml ->
  x * (P + A) * (Wl + Ql * (Vl + Dl)) + k + (Wr + Qr * (Vr + Dr)) + Q * cost + f
  <= x * P * Wl + Wr + Q * ((P + A) * Vl + Vr + cost + (P * Dl + A * (Ml + Dl) + k + Dr + f)).
Proof.
  intros HP HA HWl HMl HVl HDl Hk HVr HDr Hf Hx HQ Hl Hr Hxy HW.
  pose proof (Rmult_le_compat_r ((P + A) * (Vl + Dl)) _ _ ltac:(pos) Hl).
  pose proof (Rmult_le_compat_r (Vr + Dr) _ _ ltac:(pos) Hr).
  pose proof (Rmult_le_compat_l (x * A) _ _ ltac:(pos) HW).
  pose proof (Rmult_le_compat_r (A * Ml) _ _ ltac:(pos) Hxy).
  pose proof (Rmult_le_compat_r k _ _ Hk HQ).
  pose proof (Rmult_le_compat_r f _ _ Hf HQ).
  lra.
Qed.

(** The sums' errors kept apart: multiplications alone, plus the absorption costs. *)
Theorem ev_C t a b : absorb = true -> ev t a b ->
  dom b (hx (lv t)) (Wm v (lv t) + q ^ roundings t * (V t + D t)) (Mb (lv t)).
Proof.
  intros Near; induction 1 as [x a b Ha Hb | l r a1 b1 a2 b2 c2 da ea db eb e f E1 IH1 E2 IH2 Hda Hea Hdb Heb X Hc He1 He23 Hf].
  - cbn [RoundingModel.V]; rewrite Rplus_0_l; apply leaf_dom, Hb.
  - pose proof (ev_A _ _ _ E2) as HA.
    pose proof (ev_bound _ _ _ E1) as B1; pose proof (ev_bound _ _ _ E2) as B2.
    set (cost := Rmin (v * BU (Node l r)) (Rmin (AU r * BU l + on (tz l) km) (BU r))).
    set (Q := q ^ roundings (Node l r)).
    assert (HQ1 : 1 <= Q) by apply (qn_ge1 v v0).
    assert (HQl : q ^ tm r * q ^ roundings l <= Q).
    { unfold Q; rewrite <- pow_add; apply qn_le; [exact v0|]; unfold roundings; rewrite tm_node, tz_node; lia. }
    assert (HQr : q ^ roundings r <= Q).
    { apply qn_le; [exact v0|]; unfold roundings; rewrite tm_node, tz_node; lia. }
    assert (HQm : q ^ tm r * q ^ tm l <= Q).
    { unfold Q; rewrite <- pow_add; apply qn_le; [exact v0|]; unfold roundings; rewrite tm_node; lia. }
    assert (Hx : X <= Q * (AU r * BU l + on (tz l) km)).
    { apply Rle_trans with (1 := product_size r a2 b1 (on (tz l) km) _ HA B1).
      pose proof (Rmult_le_compat_r (AU r * BU l) _ _ ltac:(auto using Rmult_le_pos, AU_pos, BU_pos) HQl).
      pose proof (Rmult_le_compat_r (on (tz l) km) _ _ (on_pos _ _ km0) HQ1); lra. }
    assert (Hy : c2 <= Q * BU r).
    { destruct Hc as [-> | (x & -> & Hc)].
      - apply Rle_trans with (1 := B2), Rmult_le_compat_r; auto using BU_pos.
      - pose proof (BU_pos km kp k0 km0 kp0 k00 (Leaf x)); apply Rle_trans with (1 := Hc).
        apply Rle_trans with (1 * BU (Leaf x)); [|apply Rmult_le_compat_r; assumption].
        simpl; pose proof (on_pos (bit (lz x)) k0 k00); lra. }
    assert (He : Rabs e <= Q * cost).
    { destruct (He23 (or_introl Near)) as [He2 He3].
      unfold cost; pose proof (Rmult_le_compat_l v _ _ v0 Hx); pose proof (Rmult_le_compat_l v _ _ v0 Hy).
      assert (0 <= Q * (v * on (tz l + tz r) kp)) by (repeat apply Rmult_le_pos; auto using on_pos; lra).
      cbn [RoundingModel.BU]; unfold Rmin; repeat destruct Rle_dec; lra. }
    eapply dom_weaken; [apply node_dom; [exact HA|exact IH1|exact IH2|exact Hdb|exact Heb|exact He|exact Hf]|].
    rewrite (D_node km kp k0); cbn [RoundingModel.V]; fold cost; fold Q; cbn [lv]; rewrite Wm_app.
    replace (AU r) with (PH (lv r) + DA r) by (unfold RoundingModel.DA; ring).
    apply node_arith_C with (y := q ^ tm l);
      auto using PH_pos, DA_pos, Wm_pos, D_pos, V_pos, on_pos, Mh_pos, (qn_pos v v0).
    apply (Wm_le v v0).
Qed.
End Invariants.
