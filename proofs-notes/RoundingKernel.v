(** Floating-point kernels obey the error model.

    Main results: [kernel_ev]: a bracketing evaluated in a binary format, with a free choice of fused or
    separate operations at each node (fusing the product before the sum, or the product that makes a leaf),
    gradual underflow or flush to zero, is an [ev]; [kernel_inhabited]:
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
Notation ev := (ev v kmul kadd 0 true).

(** A multiplier that leaf x may hold. Its allowance covers how it was made and read, as 0 if it is so small
    that a later operation may flush it. *)
Definition holds_a x a :=
  Rabs (a - la x) <= lA x - ma x /\ (wide = false -> format a) /\ (wide = true -> lm x = true) /\
  (lm x = false -> pow2 a) /\ (ftz = true -> Rabs a < lam prec emin -> Rabs (la x) <= lA x - ma x).
(** A summand that it may hold; one that a later operation may read as 0 has an allowance that says so. *)
Definition allows_b x b := Rabs (b - lb x) <= lB x - mb x.
Definition holds_b x b :=
  allows_b x b /\ format b /\ (ftz = true -> Rabs b < lam prec emin -> allows_b x 0).
(** A summand that is a product not yet rounded: the allowance covers its rounding. *)
Definition holds_product x y :=
  Rabs y <= lB x /\ lz x = true /\
  (forall d e, Rabs d <= v -> Rabs e <= kmul -> allows_b x (y * (1 + d) + e)).

Inductive kernel : tree -> R -> R -> Prop :=
| kernel_leaf x a b : holds_a x a -> holds_b x b -> kernel (Leaf x) a b
| kernel_separate l r a1 b1 a2 b2 a p b :
    kernel l a1 b1 -> kernel r a2 b2 ->
    op (a2 * a1) a -> op (a2 * b1) p -> op (p + b2) b -> kernel (Node l r) a b
| kernel_fused l r a1 b1 a2 b2 a b :
    kernel l a1 b1 -> kernel r a2 b2 ->
    op (a2 * a1) a -> op (a2 * b1 + b2) b -> kernel (Node l r) a b
| kernel_fused_leaf l x a1 b1 a2 y a p b :
    kernel l a1 b1 -> holds_a x a2 -> holds_product x y ->
    op (a2 * a1) a -> op (a2 * b1) p -> op (y + p) b -> kernel (Node l (Leaf x)) a b.

(** What is kept beside the error model: formats, exact windows, zero windows. *)
Definition facts_a t a :=
  (wide = false -> format a) /\ (wide = true -> tm t <> 0%nat) /\ (tm t = 0%nat -> pow2 a).
Definition facts_b t b := format b /\ (tz t = 0%nat -> b = 0).

Lemma leaf_facts_a x a : holds_a x a -> facts_a (Leaf x) a.
Proof.
  intros (_ & Fa & Hw & Hp & _); unfold facts_a, tm; simpl; rewrite Nat.add_0_r; repeat split; [exact Fa| |].
  - intros W; rewrite (Hw W); discriminate.
  - intros Z; destruct (lm x); [discriminate|]; apply Hp; reflexivity.
Qed.

Lemma zero_leaf_b x b : lz x = false -> allows_b x b -> lb x = 0 /\ b = 0.
Proof.
  unfold allows_b; intros Z H; pose proof (mb_le x) as L; pose proof (lb_mb x); rewrite (lz_zero x Z) in *.
  pose proof (Rabs_pos (lb x)); pose proof (Rabs_pos (b - lb x)).
  assert (lb x = 0) as E by (apply Rabs_eq_R0; lra); split; [exact E|].
  rewrite E, Rminus_0_r in *; apply Rabs_eq_R0; lra.
Qed.

Lemma leaf_facts_b x b : holds_b x b -> facts_b (Leaf x) b.
Proof.
  intros (Hb & Fb & _); split; [exact Fb|]; unfold tz; simpl; rewrite Nat.add_0_r; intros Z.
  destruct (lz x) eqn:E; [discriminate|]; apply (zero_leaf_b x b E Hb).
Qed.

Lemma leaf_ev x a b : holds_a x a -> allows_b x b -> ev (Leaf x) a b.
Proof.
  intros (Ha & _) Hb; apply ev_leaf; [rewrite Rplus_0_r; exact Ha|].
  replace (on (bit (lz x)) 0) with 0 by (destruct (lz x); reflexivity); rewrite Rplus_0_r; exact Hb.
Qed.

(** The multipliers of a node. *)
Lemma node_a l r a1 a2 a : facts_a l a1 -> facts_a r a2 -> op (a2 * a1) a ->
  (exists d e, a = a2 * a1 * (1 + d) + e /\ Rabs d <= on (tm l * tm r) v /\ Rabs e <= kmul) /\
  facts_a (Node l r) a.
Proof.
  intros (Fl & Wl & Pl) (Fr & Wr & Pr) H; split; [|unfold facts_a; rewrite tm_node; repeat split].
  - destruct (Nat.eq_dec (tm l * tm r) 0) as [Z|Z].
    + rewrite Z; simpl on; apply Nat.eq_mul_0 in Z.
      destruct wide; [specialize (Wl eq_refl); specialize (Wr eq_refl); tauto|].
      specialize (Fl eq_refl); specialize (Fr eq_refl).
      destruct Z as [Z|Z]; [|exact (product_exact_loss _ _ _ _ _ _ _ (Pr Z) Fl H)].
      rewrite Rmult_comm in *; exact (product_exact_loss _ _ _ _ _ _ _ (Pl Z) Fr H).
    + destruct (product_loss _ _ _ _ _ _ H) as (d & e & E & Hd & He).
      exists d, e; repeat split; auto; destruct (tm l * tm r)%nat; [congruence|exact Hd].
  - intros _; apply (op_format _ _ _ _ _ _ H).
  - intros W; specialize (Wl W); lia.
  - intros Z; apply (op_pow2 _ _ _ _ _ _) with (2 := H), pow2_mul; [apply Pr|apply Pl]; lia.
Qed.

Lemma product_near l r a2 b1 : facts_b l b1 -> facts_a r a2 ->
  near prec emin choice (on (tm r) v) (a2 * b1).
Proof.
  intros (Fl & _) (_ & _ & Pr); destruct (Nat.eq_dec (tm r) 0) as [Z|Z].
  - rewrite Z; simpl on; apply near_pow2; auto.
  - replace (on (tm r) v) with v by (destruct (tm r); [congruence|reflexivity]); apply near_v; exact prec_pos.
Qed.

Lemma on_v_pos n : 0 <= on n v. Proof. apply on_pos, v_pos. Qed.

(** The summand of a node, as the error model wants it. *)
Definition node_b l r a2 b1 b2 b :=
  exists c2 d eb e f, size_of r b2 c2 /\ b = a2 * b1 * (1 + d) + eb + b2 + e + f /\
    Rabs d <= on (tm r) v /\ Rabs eb <= on (tz l) kmul /\
    (let x := (1 + on (tm r) v) * Rabs (a2 * b1) + on (tz l) kmul in
     Rabs e <= v * (x + c2) /\ Rabs e <= x /\ Rabs e <= c2) /\
    Rabs f <= on (tz l + tz r) kadd.

Lemma on_nonzero n x : n <> 0%nat -> on n x = x.
Proof. destruct n; [congruence|reflexivity]. Qed.

Lemma node_b_zero l r a2 b1 b2 b : facts_b l b1 -> facts_b r b2 -> tz l = 0%nat ->
  op b2 b -> node_b l r a2 b1 b2 b.
Proof.
  intros (_ & Zl) (F2 & Zr) Z H; rewrite (Zl Z).
  destruct (sum_loss prec emin choice ftz 0 b2 b (format_0 _ _) F2) as (e & f & E & _ & He & _ & Hf).
  { rewrite Rplus_0_l; exact H. }
  rewrite Rabs_R0 in He; assert (e = 0) by (apply Rabs_eq_R0; pose proof (Rabs_pos e); lra); subst e.
  exists (Rabs b2), 0, 0, 0, f; split; [left; reflexivity|]; rewrite !Rmult_0_r, Rabs_R0, Z; simpl on.
  pose proof (on_v_pos (tm r)); pose proof (v_pos prec); pose proof (Rabs_pos b2).
  repeat split; try lra.
  - apply Rmult_le_pos; lra.
  - simpl plus; destruct (Nat.eq_dec (tz r) 0) as [Z2|Z2]; [|rewrite on_nonzero by exact Z2; exact Hf].
    rewrite (Zr Z2) in *; pose proof (op_0 _ _ _ _ _ H); replace f with 0 by lra; rewrite Z2, Rabs_R0; simpl; lra.
Qed.

(** From the losses of a product [y] and of a sum, fused or not. *)
Lemma node_b_losses l r a2 b1 b2 c2 y2 b d eb e f y : tz l <> 0%nat -> size_of r b2 c2 -> Rabs y2 <= c2 ->
  b = a2 * b1 * (1 + d) + eb + b2 + e + f -> Rabs d <= on (tm r) v -> Rabs eb <= kmul ->
  y = a2 * b1 * (1 + d) + eb \/ y = a2 * b1 ->
  Rabs e <= v * Rabs (y + y2) -> Rabs e <= Rabs y -> Rabs e <= Rabs y2 -> Rabs f <= kadd ->
  node_b l r a2 b1 b2 b.
Proof.
  intros Z Hs Hy2 E Hd Heb Hy H1 H2 H3 Hf; exists c2, d, eb, e, f; split; [exact Hs|]; rewrite !(on_nonzero (tz l)) by exact Z.
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

Lemma node_b_separate l r a2 b1 b2 p b : facts_b l b1 -> facts_a r a2 -> facts_b r b2 ->
  op (a2 * b1) p -> op (p + b2) b -> node_b l r a2 b1 b2 b.
Proof.
  intros Fl Ar Fr Hp Hb; destruct (Nat.eq_dec (tz l) 0) as [Z|Z].
  - apply (node_b_zero _ _ _ _ _ _ Fl Fr Z); destruct Fl as (_ & Zl).
    rewrite (Zl Z), Rmult_0_r in Hp; rewrite (op_0 _ _ _ _ _ Hp), Rplus_0_l in Hb; exact Hb.
  - destruct (near_loss _ _ _ _ _ _ _ (on_v_pos (tm r)) (product_near _ _ _ _ Fl Ar) Hp)
      as (d & eb & Ep & Hd & Heb).
    destruct (sum_loss _ _ _ _ _ _ _ (op_format _ _ _ _ _ _ Hp) (proj1 Fr) Hb)
      as (e & f & E & H1 & H2 & H3 & Hf).
    apply node_b_losses with (c2 := Rabs b2) (y2 := b2) (d := d) (eb := eb) (e := e) (f := f) (y := p);
      auto; [left; reflexivity|lra|rewrite <- Ep; exact E].
Qed.

Lemma node_b_fused l r a2 b1 b2 b : facts_b l b1 -> facts_a r a2 -> facts_b r b2 ->
  op (a2 * b1 + b2) b -> node_b l r a2 b1 b2 b.
Proof.
  intros Fl Ar Fr Hb; destruct (Nat.eq_dec (tz l) 0) as [Z|Z].
  - apply (node_b_zero _ _ _ _ _ _ Fl Fr Z); destruct Fl as (_ & Zl).
    rewrite (Zl Z), Rmult_0_r, Rplus_0_l in Hb; exact Hb.
  - destruct (fused_loss _ _ _ _ _ _ _ _ (on_v_pos (tm r)) (product_near _ _ _ _ Fl Ar) (proj1 Fr) Hb)
      as (d & eb & e & f & E & Hd & Heb & H1 & H2 & H3 & Hf).
    apply node_b_losses with (c2 := Rabs b2) (y2 := b2) (d := d) (eb := eb) (e := e) (f := f) (y := a2 * b1);
      auto; [left; reflexivity|lra].
Qed.

(** The later summand is a product fused into the sum: it acts as if it had been rounded on its own. *)
Lemma node_b_fused_leaf l x a2 b1 y p b : facts_b l b1 -> facts_a (Leaf x) a2 -> holds_product x y ->
  op (a2 * b1) p -> op (y + p) b -> exists b2, allows_b x b2 /\ node_b l (Leaf x) a2 b1 b2 b.
Proof.
  intros Fl Ar (Hy & Zx & Hall) Hp Hb.
  destruct (fused_loss _ _ _ _ _ _ _ _ (v_pos prec) (near_v _ _ _ y) (op_format _ _ _ _ _ _ Hp) Hb)
    as (d & eb & e & f & E & Hd & Heb & H1 & H2 & H3 & Hf).
  exists (y * (1 + d) + eb); split; [apply Hall; assumption|].
  assert (Hs : size_of (Leaf x) (y * (1 + d) + eb) (Rabs y)) by (right; exists x; split; [reflexivity|exact Hy]).
  destruct (near_loss _ _ _ _ _ _ _ (on_v_pos (tm (Leaf x))) (product_near _ _ _ _ Fl Ar) Hp)
    as (dp & ep & Ep & Hdp & Hep).
  destruct (Nat.eq_dec (tz l) 0) as [Z|Z].
  - destruct Fl as (_ & Zl); rewrite (Zl Z) in *; rewrite Rmult_0_r in Hp.
    assert (P0 := op_0 _ _ _ _ _ Hp); rewrite P0 in *; rewrite Rabs_R0 in H3.
    assert (e = 0) by (apply Rabs_eq_R0; pose proof (Rabs_pos e); lra); subst e.
    exists (Rabs y), 0, 0, 0, f; split; [exact Hs|]; rewrite !Rmult_0_r, Rabs_R0, Z; simpl on.
    pose proof (on_v_pos (tm (Leaf x))); pose proof (v_pos prec); pose proof (Rabs_pos y).
    repeat split; try lra; [apply Rmult_le_pos; lra|].
    rewrite on_nonzero; [exact Hf|unfold tz; simpl; rewrite Zx; simpl; lia].
  - apply node_b_losses with (c2 := Rabs y) (y2 := y) (d := dp) (eb := ep) (e := e) (f := f) (y := p); auto; try lra.
    rewrite Rplus_comm; exact H1.
Qed.

Lemma node_zero l r a2 b1 b2 p b : facts_b l b1 -> facts_b r b2 ->
  (op (a2 * b1) p /\ op (p + b2) b \/ op (a2 * b1 + b2) b) -> tz (Node l r) = 0%nat -> b = 0.
Proof.
  intros (_ & Zl) (_ & Zr) Ob Z; rewrite tz_node in Z.
  rewrite (Zl ltac:(lia)), (Zr ltac:(lia)), Rmult_0_r in Ob.
  destruct Ob as [[Op Ob] | Ob]; [rewrite (op_0 _ _ _ _ _ Op) in Ob|]; rewrite Rplus_0_r in Ob;
    apply (op_0 _ _ _ _ _ Ob).
Qed.

Lemma node_ev l r a1 b1 a2 b2 a b : ev l a1 b1 -> ev r a2 b2 ->
  (exists d e, a = a2 * a1 * (1 + d) + e /\ Rabs d <= on (tm l * tm r) v /\ Rabs e <= kmul) ->
  node_b l r a2 b1 b2 b -> ev (Node l r) a b.
Proof.
  intros El Er (da & ea & -> & Hda & Hea) (c2 & d & eb & e & f & Hs & -> & Hd & Heb & (H1 & H2 & H3) & Hf).
  apply ev_node with (c2 := c2); try assumption; intros _; split; assumption.
Qed.

Theorem kernel_ev t a b : kernel t a b -> ev t a b /\ facts_a t a /\ facts_b t b.
Proof.
  induction 1 as [x a b Ha Hb | l r a1 b1 a2 b2 a p b _ (El & Al & Bl) _ (Er & Ar & Br) Oa Op Ob
    | l r a1 b1 a2 b2 a b _ (El & Al & Bl) _ (Er & Ar & Br) Oa Ob
    | l x a1 b1 a2 y a p b _ (El & Al & Bl) Ha Hy Oa Op Ob].
  - split; [|split; [apply leaf_facts_a, Ha|apply leaf_facts_b, Hb]].
    apply leaf_ev; [exact Ha|apply Hb].
  - destruct (node_a _ _ _ _ _ Al Ar Oa) as (Na & Fa); split; [|split; [exact Fa|split]].
    + apply node_ev with (1 := El) (2 := Er) (3 := Na), (node_b_separate _ _ _ _ _ _ _ Bl Ar Br Op Ob).
    + apply (op_format _ _ _ _ _ _ Ob).
    + apply (node_zero l r a2 b1 b2 p b Bl Br); left; split; assumption.
  - destruct (node_a _ _ _ _ _ Al Ar Oa) as (Na & Fa); split; [|split; [exact Fa|split]].
    + apply node_ev with (1 := El) (2 := Er) (3 := Na), (node_b_fused _ _ _ _ _ _ Bl Ar Br Ob).
    + apply (op_format _ _ _ _ _ _ Ob).
    + apply (node_zero l r a2 b1 b2 0 b Bl Br); right; assumption.
  - pose proof (leaf_facts_a _ _ Ha) as Ar.
    destruct (node_a _ _ _ _ _ Al Ar Oa) as (Na & Fa); split; [|split; [exact Fa|split]].
    + destruct (node_b_fused_leaf _ _ _ _ _ _ _ Bl Ar Hy Op Ob) as (b2 & H2 & Nb).
      apply node_ev with (1 := El) (2 := leaf_ev _ _ _ Ha H2) (3 := Na) (4 := Nb).
    + apply (op_format _ _ _ _ _ _ Ob).
    + destruct Hy as (_ & Zx & _); rewrite tz_node; unfold tz at 2; simpl; rewrite Zx; simpl; lia.
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
