(** How many roundings a leaf can meet in a bracketing, and that this is attained.

    Main results: [count_upper]: without fused operations the leaf s of 0..t meets at most 2t - s operations;
    [count_attained]: some bracketing reaches it; [fused_count_upper]: with all sums fused, at most t.
    Depends on: the standard library. *)
From Coq Require Import Arith Lia.

Inductive shape := Tip | Join (earlier later : shape).
Fixpoint tips t := match t with Tip => 1 | Join l r => tips l + tips r end.

(** Operations on the way of leaf [s]: a sum at every node above it; where it lies in the earlier window also the
    product with the later window's multiplier, and the products that this multiplier is made of. *)
Fixpoint count t s :=
  match t with
  | Tip => 0
  | Join l r => if s <? tips l then count l s + 1 + tips r else count r (s - tips l) + 1
  end.

(** The same where the sum is fused with the product before it. *)
Fixpoint fused_count t s :=
  match t with
  | Tip => 0
  | Join l r => if s <? tips l then fused_count l s + tips r else fused_count r (s - tips l) + 1
  end.

Lemma tips_pos t : 1 <= tips t.
Proof. induction t; simpl; lia. Qed.

Theorem count_upper t : forall s, s < tips t -> count t s <= 2 * (tips t - 1) - s.
Proof.
  induction t as [|l IHl r IHr]; intros s Hs; simpl in *; [lia|].
  pose proof (tips_pos l); pose proof (tips_pos r); destruct (Nat.ltb_spec s (tips l)) as [L|L].
  - specialize (IHl s L); lia.
  - specialize (IHr (s - tips l) ltac:(lia)); lia.
Qed.

Theorem fused_count_upper t : forall s, s < tips t -> fused_count t s <= tips t - 1.
Proof.
  induction t as [|l IHl r IHr]; intros s Hs; simpl in *; [lia|].
  pose proof (tips_pos l); pose proof (tips_pos r); destruct (Nat.ltb_spec s (tips l)) as [L|L].
  - specialize (IHl s L); lia.
  - specialize (IHr (s - tips l) ltac:(lia)); lia.
Qed.

(** (0, (1, (..., (s-1, ((((s), s+1), s+2) ..., t))))) *)
Fixpoint sequential n := match n with 0 => Tip | S k => Join (sequential k) Tip end.
Fixpoint caterpillar s n := match s with 0 => sequential n | S k => Join Tip (caterpillar k n) end.

Lemma tips_sequential n : tips (sequential n) = n + 1.
Proof. induction n as [|n IH]; simpl; lia. Qed.
Lemma tips_caterpillar s n : tips (caterpillar s n) = s + n + 1.
Proof. induction s as [|s IH]; simpl; [apply tips_sequential|lia]. Qed.
Lemma count_sequential n : count (sequential n) 0 = 2 * n.
Proof.
  induction n as [|n IH]; simpl count; [reflexivity|].
  rewrite tips_sequential; destruct (Nat.ltb_spec 0 (n + 1)); simpl tips; lia.
Qed.

Theorem count_attained s t : s <= t ->
  tips (caterpillar s (t - s)) = t + 1 /\ count (caterpillar s (t - s)) s = 2 * t - s.
Proof.
  intros H; split; [rewrite tips_caterpillar; lia|].
  assert (E : forall n, count (caterpillar s n) s = 2 * n + s); [|rewrite E; lia].
  clear H t; induction s as [|s IH]; intros n; [simpl caterpillar; rewrite count_sequential; lia|].
  change (count (caterpillar (S s) n) (S s)) with (count (caterpillar s n) (s - 0) + 1).
  rewrite Nat.sub_0_r, IH; lia.
Qed.
