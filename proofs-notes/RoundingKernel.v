(** Floating-point kernels obey the error model.

    Main results: [kernel_ev]: a bracketing evaluated in a binary format, with a free choice of fused or
    separate operations at each node, gradual underflow or flush to zero, is an [ev]; [kernel_inhabited]:
    every bracketing has such an evaluation.
    Depends on: RoundingLists, RoundingModel, RoundingIEEE. *)
From Coq Require Import Reals ZArith List Arith Lia Lra Psatz.
From Flocq Require Import Core.
From Exactscan Require Import RoundingLists RoundingModel RoundingIEEE.
Import ListNotations.
Open Scope R_scope.

Section Kernel.
Variables (prec emin : Z) (choice : Z -> bool) (ftz : bool).
Context {prec_pos : Prec_gt_0 prec}.
(** [wide]: the multipliers may be wider than the format; then none of them counts as exact. *)
Variable wide : bool.
Notation format := (format prec emin).
Notation op := (op prec emin choice ftz).
Notation v := (v prec).
Notation kmul := (kmul prec emin ftz).
Notation kadd := (kadd prec emin ftz).
Notation ev := (ev v kmul kadd kadd).

(** Reading an input may flush it. *)
Definition read x r := r = x \/ (ftz = true /\ Rabs x < lam prec emin /\ r = 0).

Inductive kernel : tree -> R -> R -> Prop :=
| kernel_leaf x a b a' b' :
    Rabs (a - la x) <= lA x - Rabs (la x) -> Rabs (b - lb x) <= lB x - Rabs (lb x) ->
    format b -> (wide = false -> format a) -> (wide = true -> lm x = true) ->
    (lm x = false -> pow2 a) ->
    read a a' -> read b b' -> kernel (Leaf x) a' b'
| kernel_separate l r a1 b1 a2 b2 a p b :
    kernel l a1 b1 -> kernel r a2 b2 ->
    op (a2 * a1) a -> op (a2 * b1) p -> op (p + b2) b -> kernel (Node l r) a b
| kernel_fused l r a1 b1 a2 b2 a b :
    kernel l a1 b1 -> kernel r a2 b2 ->
    op (a2 * a1) a -> op (a2 * b1 + b2) b -> kernel (Node l r) a b.

Lemma read_loss x r : read x r -> Rabs (r - x) <= kadd.
Proof.
  intros [-> | (F & H & ->)].
  - rewrite Rminus_diag_eq, Rabs_R0 by reflexivity; apply kadd_pos.
  - replace (0 - x) with (- x) by ring; apply flush_kadd; assumption.
Qed.
Lemma read_format x r : format x -> read x r -> format r.
Proof. intros H [-> | (_ & _ & ->)]; [exact H|apply format_0]. Qed.

(** What is kept beside the error model: formats, exact windows, zero windows. *)
Definition facts t a b :=
  format b /\ (wide = false -> format a) /\ (wide = true -> tm t <> 0%nat) /\
  (tm t = 0%nat -> pow2 a) /\ (tz t = 0%nat -> b = 0).

Lemma leaf_facts x a b a' b' :
  Rabs (b - lb x) <= lB x - Rabs (lb x) ->
  format b -> (wide = false -> format a) -> (wide = true -> lm x = true) -> (lm x = false -> pow2 a) ->
  read a a' -> read b b' -> facts (Leaf x) a' b'.
Proof.
  intros Hb Fb Fa Hw Hp Ra Rb; unfold facts, tm, tz; simpl; rewrite !Nat.add_0_r; repeat split.
  - apply read_format with (1 := Fb), Rb.
  - intros W; apply read_format with (2 := Ra), Fa, W.
  - intros W; rewrite (Hw W); discriminate.
  - intros Z; destruct (lm x); [discriminate|].
    destruct Ra as [-> | (_ & _ & ->)]; [apply Hp; reflexivity|left; reflexivity].
  - intros Z; destruct (lz x) eqn:E; [discriminate|]; rewrite (lz_zero x E) in Hb.
    destruct Rb as [-> | (_ & _ & ->)]; [|reflexivity].
    pose proof (lb_le x); rewrite (lz_zero x E) in *; pose proof (Rabs_pos (lb x)); pose proof (Rabs_pos (b - lb x)).
    assert (lb x = 0) as E1 by (apply Rabs_eq_R0; lra); rewrite E1, Rminus_0_r in *; apply Rabs_eq_R0; lra.
Qed.

(** The multipliers of a node. *)
Lemma node_a l r a1 b1 a2 b2 a : facts l a1 b1 -> facts r a2 b2 -> op (a2 * a1) a ->
  (exists d e, a = a2 * a1 * (1 + d) + e /\ Rabs d <= on (tm l * tm r) v /\ Rabs e <= kmul) /\
  format a /\ (tm (Node l r) = 0%nat -> pow2 a).
Proof.
  intros (_ & Fl & Wl & Pl & _) (_ & Fr & Wr & Pr & _) H; split; [|split].
  - destruct (Nat.eq_dec (tm l * tm r) 0) as [Z|Z].
    + rewrite Z; simpl on; apply Nat.eq_mul_0 in Z.
      destruct wide; [specialize (Wl eq_refl); specialize (Wr eq_refl); tauto|].
      specialize (Fl eq_refl); specialize (Fr eq_refl).
      destruct Z as [Z|Z]; [|exact (product_exact_loss _ _ _ _ _ _ _ (Pr Z) Fl H)].
      rewrite Rmult_comm in *; exact (product_exact_loss _ _ _ _ _ _ _ (Pl Z) Fr H).
    + destruct (product_loss _ _ _ _ _ _ H) as (d & e & E & Hd & He).
      exists d, e; repeat split; auto; destruct (tm l * tm r)%nat; [congruence|exact Hd].
  - apply (op_format _ _ _ _ _ _ H).
  - rewrite tm_node; intros Z; apply (op_pow2 _ _ _ _ _ _) with (2 := H), pow2_mul; [apply Pr|apply Pl]; lia.
Qed.

Lemma product_near l r a1 b1 a2 b2 : facts l a1 b1 -> facts r a2 b2 ->
  near prec emin choice (on (tm r) v) (a2 * b1).
Proof.
  intros (Fl & _) (_ & _ & _ & Pr & _); destruct (Nat.eq_dec (tm r) 0) as [Z|Z].
  - rewrite Z; simpl on; apply near_pow2; auto.
  - replace (on (tm r) v) with v by (destruct (tm r); [congruence|reflexivity]); apply near_v; exact prec_pos.
Qed.

Lemma on_v_pos n : 0 <= on n v. Proof. apply on_pos, v_pos. Qed.

(** The summand of a node, as the error model wants it. *)
Definition node_b l r a2 b1 b2 b :=
  exists d eb e f, b = a2 * b1 * (1 + d) + eb + b2 + e + f /\
    Rabs d <= on (tm r) v /\ Rabs eb <= on (tz l) kmul /\
    (let x := (1 + on (tm r) v) * Rabs (a2 * b1) + on (tz l) kmul in
     Rabs e <= v * (x + Rabs b2) /\ Rabs e <= x /\ Rabs e <= Rabs b2) /\
    Rabs f <= on (tz l + tz r) kadd.

Lemma on_nonzero n x : n <> 0%nat -> on n x = x.
Proof. destruct n; [congruence|reflexivity]. Qed.

Lemma node_b_zero l r a1 b1 a2 b2 b : facts l a1 b1 -> facts r a2 b2 -> tz l = 0%nat ->
  op b2 b -> node_b l r a2 b1 b2 b.
Proof.
  intros (_ & _ & _ & _ & Zl) (F2 & _ & _ & _ & Zr) Z H; rewrite (Zl Z).
  destruct (sum_loss prec emin choice ftz 0 b2 b (format_0 _ _) F2) as (e & f & E & _ & He & _ & Hf).
  { rewrite Rplus_0_l; exact H. }
  rewrite Rabs_R0 in He; assert (e = 0) by (apply Rabs_eq_R0; pose proof (Rabs_pos e); lra); subst e.
  exists 0, 0, 0, f; rewrite !Rmult_0_r, Rabs_R0, Z; simpl on.
  pose proof (on_v_pos (tm r)); pose proof (v_pos prec); pose proof (Rabs_pos b2).
  repeat split; try lra.
  - apply Rmult_le_pos; lra.
  - simpl plus; destruct (Nat.eq_dec (tz r) 0) as [Z2|Z2]; [|rewrite on_nonzero by exact Z2; exact Hf].
    rewrite (Zr Z2) in *; pose proof (op_0 _ _ _ _ _ H); replace f with 0 by lra; rewrite Z2, Rabs_R0; simpl; lra.
Qed.

(** From the losses of a product [y] and of a sum, fused or not. *)
Lemma node_b_losses l r a2 b1 b2 b d eb e f y : tz l <> 0%nat ->
  b = a2 * b1 * (1 + d) + eb + b2 + e + f -> Rabs d <= on (tm r) v -> Rabs eb <= kmul ->
  y = a2 * b1 * (1 + d) + eb \/ y = a2 * b1 ->
  Rabs e <= v * Rabs (y + b2) -> Rabs e <= Rabs y -> Rabs e <= Rabs b2 -> Rabs f <= kadd ->
  node_b l r a2 b1 b2 b.
Proof.
  intros Z E Hd Heb Hy H1 H2 H3 Hf; exists d, eb, e, f; rewrite !(on_nonzero (tz l)) by exact Z.
  set (x := (1 + on (tm r) v) * Rabs (a2 * b1) + kmul).
  pose proof (on_v_pos (tm r)) as Hv; pose proof (kmul_pos prec emin ftz) as Hk.
  assert (Hx : Rabs y <= x).
  { unfold x; destruct Hy as [-> | ->].
    - apply Rle_trans with (1 := Rabs_triang _ _), Rplus_le_compat; [|exact Heb].
      rewrite Rabs_mult, Rmult_comm; apply Rmult_le_compat_r; [apply Rabs_pos|].
      apply Rle_trans with (1 := Rabs_triang _ _); rewrite Rabs_R1; lra.
    - pose proof (Rmult_le_pos _ _ Hv (Rabs_pos (a2 * b1))); lra. }
  repeat split; auto; try lra.
  - apply Rle_trans with (1 := H1), Rmult_le_compat_l; [apply v_pos|].
    apply Rle_trans with (1 := Rabs_triang _ _); lra.
  - rewrite on_nonzero by lia; exact Hf.
Qed.

Lemma node_b_separate l r a1 b1 a2 b2 p b : facts l a1 b1 -> facts r a2 b2 ->
  op (a2 * b1) p -> op (p + b2) b -> node_b l r a2 b1 b2 b.
Proof.
  intros Fl Fr Hp Hb; destruct (Nat.eq_dec (tz l) 0) as [Z|Z].
  - apply (node_b_zero _ _ _ _ _ _ _ Fl Fr Z); destruct Fl as (_ & _ & _ & _ & Zl).
    rewrite (Zl Z), Rmult_0_r in Hp; rewrite (op_0 _ _ _ _ _ Hp), Rplus_0_l in Hb; exact Hb.
  - destruct (near_loss _ _ _ _ _ _ _ (on_v_pos (tm r)) (product_near _ _ _ _ _ _ Fl Fr) Hp)
      as (d & eb & Ep & Hd & Heb).
    destruct (sum_loss _ _ _ _ _ _ _ (op_format _ _ _ _ _ _ Hp) (proj1 Fr) Hb)
      as (e & f & E & H1 & H2 & H3 & Hf).
    apply node_b_losses with (d := d) (eb := eb) (e := e) (f := f) (y := p); auto; rewrite <- Ep; exact E.
Qed.

Lemma node_b_fused l r a1 b1 a2 b2 b : facts l a1 b1 -> facts r a2 b2 ->
  op (a2 * b1 + b2) b -> node_b l r a2 b1 b2 b.
Proof.
  intros Fl Fr Hb; destruct (Nat.eq_dec (tz l) 0) as [Z|Z].
  - apply (node_b_zero _ _ _ _ _ _ _ Fl Fr Z); destruct Fl as (_ & _ & _ & _ & Zl).
    rewrite (Zl Z), Rmult_0_r, Rplus_0_l in Hb; exact Hb.
  - destruct (fused_loss _ _ _ _ _ _ _ _ (on_v_pos (tm r)) (product_near _ _ _ _ _ _ Fl Fr) (proj1 Fr) Hb)
      as (d & eb & e & f & E & Hd & Heb & H1 & H2 & H3 & Hf).
    apply node_b_losses with (d := d) (eb := eb) (e := e) (f := f) (y := a2 * b1); auto.
Qed.

Lemma node_facts l r a1 b1 a2 b2 a b p : facts l a1 b1 -> facts r a2 b2 -> op (a2 * a1) a ->
  (op (a2 * b1) p /\ op (p + b2) b \/ op (a2 * b1 + b2) b) -> facts (Node l r) a b.
Proof.
  intros Fl Fr Oa Ob; destruct (node_a _ _ _ _ _ _ _ Fl Fr Oa) as (_ & Fa & Pa).
  destruct Fl as (_ & _ & Wl & _ & Zl), Fr as (F2 & _ & Wr & _ & Zr).
  unfold facts; rewrite tm_node in *; rewrite tz_node; repeat split; auto.
  - destruct Ob as [[_ Ob] | Ob]; apply (op_format _ _ _ _ _ _ Ob).
  - intros W; specialize (Wl W); lia.
  - intros Z; rewrite (Zl ltac:(lia)), (Zr ltac:(lia)), Rmult_0_r in Ob.
    destruct Ob as [[Op Ob] | Ob]; [rewrite (op_0 _ _ _ _ _ Op) in Ob|]; rewrite Rplus_0_r in Ob;
      apply (op_0 _ _ _ _ _ Ob).
Qed.

Lemma node_ev l r a1 b1 a2 b2 a b : ev l a1 b1 -> ev r a2 b2 ->
  (exists d e, a = a2 * a1 * (1 + d) + e /\ Rabs d <= on (tm l * tm r) v /\ Rabs e <= kmul) ->
  node_b l r a2 b1 b2 b -> ev (Node l r) a b.
Proof.
  intros El Er (da & ea & -> & Hda & Hea) (d & eb & e & f & -> & Hd & Heb & (H1 & H2 & H3) & Hf).
  apply ev_node; assumption.
Qed.

Theorem kernel_ev t a b : kernel t a b -> ev t a b /\ facts t a b.
Proof.
  induction 1 as [x a b a' b' Ha Hb Fb Fa Hw Hp Ra Rb
    | l r a1 b1 a2 b2 a p b _ [El Fl] _ [Er Fr] Oa Op Ob
    | l r a1 b1 a2 b2 a b _ [El Fl] _ [Er Fr] Oa Ob].
  - pose proof (leaf_facts _ _ _ _ _ Hb Fb Fa Hw Hp Ra Rb) as F; split; [|exact F].
    pose proof (read_loss _ _ Ra); pose proof (read_loss _ _ Rb); apply ev_leaf.
    + replace (a' - la x) with ((a' - a) + (a - la x)) by ring.
      apply Rle_trans with (1 := Rabs_triang _ _); lra.
    + destruct (lz x) eqn:E; simpl.
      * replace (b' - lb x) with ((b' - b) + (b - lb x)) by ring.
        apply Rle_trans with (1 := Rabs_triang _ _); lra.
      * destruct F as (_ & _ & _ & _ & Z); rewrite Z by (unfold tz; simpl; rewrite E; reflexivity).
        pose proof (lb_le x) as L; rewrite (lz_zero x E) in *; pose proof (Rabs_pos (lb x)).
        rewrite Rminus_0_l, Rabs_Ropp; lra.
  - split; [|apply (node_facts _ _ _ _ _ _ _ _ p Fl Fr Oa); left; split; assumption].
    apply node_ev with (1 := El) (2 := Er); [apply (node_a _ _ _ _ _ _ _ Fl Fr Oa)|].
    apply (node_b_separate _ _ _ _ _ _ _ _ Fl Fr Op Ob).
  - split; [|apply (node_facts _ _ _ _ _ _ _ _ 0 Fl Fr Oa); right; assumption].
    apply node_ev with (1 := El) (2 := Er); [apply (node_a _ _ _ _ _ _ _ Fl Fr Oa)|].
    apply (node_b_fused _ _ _ _ _ _ _ Fl Fr Ob).
Qed.

(** The error model is about something: every bracketing whose leaves can be held is evaluated. *)
Theorem kernel_inhabited t :
  (forall x, In x (lv t) -> exists a b, kernel (Leaf x) a b) -> exists a b, kernel t a b.
Proof.
  induction t as [x|l IHl r IHr]; intros H; [apply H; left; reflexivity|].
  destruct IHl as (a1 & b1 & K1); [intros; apply H, in_or_app; auto|].
  destruct IHr as (a2 & b2 & K2); [intros; apply H, in_or_app; auto|].
  exists (RN prec emin choice (a2 * a1)), (RN prec emin choice (a2 * b1 + b2)).
  apply kernel_fused with (1 := K1) (2 := K2); left; reflexivity.
Qed.
End Kernel.
