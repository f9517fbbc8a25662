(** The error model of a bracketing, and the sizes that its bounds are made of.

    Main results: the definition [ev]: each product loses at most a factor 1+d and a kick, each sum an
    error [e] that both addends absorb and a kick. RoundingIEEE.v shows that floating-point arithmetic
    obeys it. [AU], [BU]: sizes with kicks; [V]: costs of the sums; [D]: excess through kicks;
    [depth]: sums on the way of a leaf. [dom]: pairs of size and deviation, closed under arithmetic.
    Depends on: RoundingLists. *)
From Coq Require Import Reals List Arith Lia Lra Psatz.
From Exactscan Require Import RoundingLists.
Import ListNotations.
Open Scope R_scope.

Inductive tree := Leaf (x : leaf) | Node (earlier later : tree).
Fixpoint lv (t : tree) : list leaf := match t with Leaf x => [x] | Node l r => lv r ++ lv l end.
Definition tm t := nm (lv t).
Definition tz t := nz (lv t).

(** [x] is kept below [X] and its computed form deviates by at most [XH - X]. *)
Definition dom (xh x XH X : R) := Rabs x <= X /\ Rabs (xh - x) <= XH - X.

Lemma dom_abs xh x XH X : dom xh x XH X -> Rabs xh <= XH.
Proof.
  intros [H1 H2]; replace xh with ((xh - x) + x) by ring.
  pose proof (Rabs_triang (xh - x) x); lra.
Qed.
Lemma dom_le xh x XH X : dom xh x XH X -> 0 <= X <= XH.
Proof. intros [H1 H2]; pose proof (Rabs_pos x); pose proof (Rabs_pos (xh - x)); lra. Qed.
Lemma dom_weaken xh x XH XH' X : dom xh x XH X -> XH <= XH' -> dom xh x XH' X.
Proof. intros [H1 H2]; split; lra. Qed.
Lemma dom_mul xh x XH X yh y YH Y : dom xh x XH X -> dom yh y YH Y ->
  dom (xh * yh) (x * y) (XH * YH) (X * Y).
Proof.
  intros Hx Hy; pose proof (dom_abs _ _ _ _ Hy) as Ay.
  destruct Hx as [H1 H2], Hy as [H3 H4]; split.
  - rewrite Rabs_mult; apply Rmult_le_compat; auto using Rabs_pos.
  - replace (xh * yh - x * y) with ((xh - x) * yh + x * (yh - y)) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _); rewrite !Rabs_mult.
    pose proof (Rmult_le_compat _ _ _ _ (Rabs_pos _) (Rabs_pos _) H2 Ay).
    pose proof (Rmult_le_compat _ _ _ _ (Rabs_pos _) (Rabs_pos _) H1 H4).
    replace (XH * YH - X * Y) with ((XH - X) * YH + X * (YH - Y)) by ring; lra.
Qed.
Lemma dom_add xh x XH X yh y YH Y : dom xh x XH X -> dom yh y YH Y ->
  dom (xh + yh) (x + y) (XH + YH) (X + Y).
Proof.
  intros [H1 H2] [H3 H4]; split.
  - pose proof (Rabs_triang x y); lra.
  - replace (xh + yh - (x + y)) with ((xh - x) + (yh - y)) by ring.
    pose proof (Rabs_triang (xh - x) (yh - y)); lra.
Qed.
Lemma dom_err xh x XH X e k : dom xh x XH X -> Rabs e <= k -> dom (xh + e) x (XH + k) X.
Proof.
  intros [H1 H2] He; split; [exact H1|].
  replace (xh + e - x) with ((xh - x) + e) by ring.
  pose proof (Rabs_triang (xh - x) e); lra.
Qed.
Lemma dom_rnd xh x XH X d v : dom xh x XH X -> Rabs d <= v -> dom (xh * (1 + d)) x ((1 + v) * XH) X.
Proof.
  intros H Hd; replace (xh * (1 + d)) with (xh + xh * d) by ring.
  replace ((1 + v) * XH) with (XH + XH * v) by ring.
  apply dom_err; [exact H|]; rewrite Rabs_mult.
  apply Rmult_le_compat; auto using Rabs_pos; apply dom_abs with (1 := H).
Qed.

Section Model.
(** Relative error of an operation; largest absolute loss of a product, a sum, a leaf. *)
Variables v km kp k0 : R.
(** Whether sums are absorbed: rounding to nearest. Sums with an addend that is exactly 0 always are. *)
Variable absorb : bool.
Hypothesis v0 : 0 <= v.
Hypothesis km0 : 0 <= km.
Hypothesis kp0 : 0 <= kp.
Hypothesis k00 : 0 <= k0.
Notation q := (q v).

(** [x] if the count is positive. *)
Definition on (n : nat) (x : R) : R := match n with O => 0 | _ => x end.

Lemma on_pos n x : 0 <= x -> 0 <= on n x.
Proof. destruct n; simpl; lra. Qed.
Lemma on_le n x : 0 <= x -> on n x <= x.
Proof. destruct n; simpl; lra. Qed.

(** The size of the later summand as the sum meets it: its value, or for a leaf whose last product is fused
    into the sum the product before rounding. *)
Definition size_of r (b2 c2 : R) := c2 = Rabs b2 \/ exists x, r = Leaf x /\ c2 <= lB x.

Inductive ev : tree -> R -> R -> Prop :=
| ev_leaf x a b :
    Rabs (a - la x) <= lA x + k0 - ma x ->
    Rabs (b - lb x) <= lB x + on (bit (lz x)) k0 - mb x ->
    ev (Leaf x) a b
| ev_node l r a1 b1 a2 b2 c2 da ea db eb e f :
    ev l a1 b1 -> ev r a2 b2 ->
    Rabs da <= on (tm l * tm r) v -> Rabs ea <= km ->
    Rabs db <= on (tm r) v -> Rabs eb <= on (tz l) km ->
    let x := (1 + on (tm r) v) * Rabs (a2 * b1) + on (tz l) km in
    size_of r b2 c2 -> Rabs e <= v * (x + c2) ->
    (absorb = true \/ (tz l * tz r)%nat = 0%nat -> Rabs e <= x /\ Rabs e <= c2) ->
    Rabs f <= on (tz l + tz r) kp ->
    ev (Node l r) (a2 * a1 * (1 + da) + ea) (a2 * b1 * (1 + db) + eb + b2 + e + f).

(** Sizes with allowances and kicks. *)
Fixpoint AU t := match t with Leaf x => lA x + k0 | Node l r => AU r * AU l + km end.
Fixpoint BU t :=
  match t with
  | Leaf x => lB x + on (bit (lz x)) k0
  | Node l r => AU r * BU l + on (tz l) km + BU r + on (tz l + tz r) kp
  end.
(** Costs of the sums, each times the multipliers to its right. *)
Fixpoint V t :=
  match t with
  | Leaf _ => 0
  | Node l r => AU r * V l + V r + Rmin (v * BU (Node l r)) (Rmin (AU r * BU l + on (tz l) km) (BU r))
  end.
(** The largest number of sums of two non-zero addends on the way of a leaf. *)
Fixpoint depth t :=
  match t with
  | Leaf _ => 0%nat
  | Node l r => (Nat.max (depth l) (depth r) + bit (negb (tz l * tz r =? 0)))%nat
  end.
Definition D t := BU t - Mh (lv t).
Definition DA t := AU t - PH (lv t).
Definition roundings t := (tm t + pred (tz t))%nat.

Lemma tm_node l r : tm (Node l r) = (tm l + tm r)%nat.
Proof. unfold tm; simpl; rewrite nm_app; lia. Qed.
Lemma tz_node l r : tz (Node l r) = (tz l + tz r)%nat.
Proof. unfold tz; simpl; rewrite nz_app; lia. Qed.

Lemma AU_pos t : 0 <= AU t.
Proof.
  induction t as [x|l IHl r IHr]; simpl; [pose proof (lA_pos x); lra|].
  pose proof (Rmult_le_pos _ _ IHr IHl); lra.
Qed.
Lemma BU_pos t : 0 <= BU t.
Proof.
  induction t as [x|l IHl r IHr]; simpl.
  - pose proof (lB_pos x); pose proof (on_pos (bit (lz x)) k0 k00); lra.
  - pose proof (Rmult_le_pos _ _ (AU_pos r) IHl); pose proof (on_pos (tz l) km km0).
    pose proof (on_pos (tz l + tz r) kp kp0); lra.
Qed.
Lemma V_pos t : 0 <= V t.
Proof.
  induction t as [x|l IHl r IHr]; [simpl; lra|]; cbn [V].
  pose proof (Rmult_le_pos _ _ (AU_pos r) IHl); pose proof (Rmult_le_pos _ _ v0 (BU_pos (Node l r))).
  pose proof (Rmult_le_pos _ _ (AU_pos r) (BU_pos l)); pose proof (on_pos (tz l) km km0).
  pose proof (BU_pos r); repeat apply Rplus_le_le_0_compat; auto; repeat apply Rmin_glb; lra.
Qed.
Lemma DA_pos t : 0 <= DA t.
Proof.
  unfold DA; induction t as [x|l IHl r IHr]; simpl; [lra|].
  rewrite PH_app; pose proof (PH_pos (lv r)); pose proof (PH_pos (lv l)).
  pose proof (Rmult_le_compat (PH (lv r)) (AU r) (PH (lv l)) (AU l)); lra.
Qed.
Lemma D_node l r :
  D (Node l r) = PH (lv r) * D l + DA r * (Mh (lv l) + D l) + on (tz l) km + D r + on (tz l + tz r) kp.
Proof. unfold D, DA; simpl; rewrite Mh_app; ring. Qed.
Lemma D_pos t : 0 <= D t.
Proof.
  induction t as [x|l IHl r IHr]; [unfold D; simpl; pose proof (on_pos (bit (lz x)) k0 k00); lra|].
  rewrite D_node; pose proof (on_pos (tz l) km km0); pose proof (on_pos (tz l + tz r) kp kp0).
  pose proof (Rmult_le_pos _ _ (PH_pos (lv r)) IHl); pose proof (Mh_pos (lv l)).
  assert (0 <= DA r * (Mh (lv l) + D l)) by (apply Rmult_le_pos; [apply DA_pos|lra]); lra.
Qed.

(** Windows without non-zero summands. *)
Lemma tz_zero t : tz t = 0%nat -> BU t = 0 /\ D t = 0 /\ Mh (lv t) = 0 /\ Wm v (lv t) = 0 /\ V t = 0.
Proof.
  induction t as [x|l IHl r IHr]; intros Z.
  - pose proof (nz_zero_Mh (lv (Leaf x)) Z) as M0; unfold tz in Z; unfold D; simpl in *.
    destruct (lz x); [discriminate|]; simpl; lra.
  - rewrite tz_node in Z.
    destruct IHl as (A1 & A2 & A3 & A4 & A5); [lia|]; destruct IHr as (B1 & B2 & B3 & B4 & B5); [lia|].
    rewrite D_node; cbn [V BU lv]; rewrite Mh_app, (Wm_app v).
    replace (tz l) with 0%nat by lia; replace (tz r) with 0%nat by lia; simpl on.
    rewrite A1, A2, A3, A4, A5, B1, B2, B3, B4, B5.
    replace (AU r * 0 + 0 + 0 + 0) with 0 by ring; rewrite !Rmult_0_r.
    repeat split; try ring.
    unfold Rmin; repeat destruct Rle_dec; lra.
Qed.
End Model.
