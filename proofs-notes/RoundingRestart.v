(** Restart: a multiplier that is exactly 0 hides everything before it.

    Main results: [restart]: the computed value of a bracketing over leaves ys ++ [r] ++ older is that of a
    bracketing over ys ++ [r] when r's multiplier is exactly 0; [restart_exact]: so is the exact value.
    Hence every bound may start again at r.
    Overflow is outside this statement: 0 times infinity is not 0.
    Depends on: RoundingLists, RoundingModel, RoundingIEEE, RoundingKernel. *)
From Coq Require Import Reals ZArith List Arith Lia Lra Psatz.
From Flocq Require Import Core.
From Exactscan Require Import RoundingLists RoundingModel RoundingIEEE RoundingKernel.
Import ListNotations.
Open Scope R_scope.

Section Restart.
Variables (prec emin : Z) (choice : Z -> bool) (ftz wide : bool).
Context {prec_pos : Prec_gt_0 prec}.
Notation kernel := (kernel prec emin choice ftz wide).
Notation op := (op prec emin choice ftz).

Lemma zero_leaf x a : lA x = 0 -> holds_a prec emin ftz wide x a -> a = 0.
Proof.
  intros Z (H & _); pose proof (ma_le x); pose proof (la_ma x); rewrite Z in *.
  pose proof (Rabs_pos (la x)); pose proof (Rabs_pos (a - la x)).
  assert (la x = 0) as E by (apply Rabs_eq_R0; lra); rewrite E, Rminus_0_r in *; apply Rabs_eq_R0; lra.
Qed.

(** A window with an exact zero multiplier has product 0. *)
Lemma zero_product l r a1 a2 a x : (In x (lv l) -> lA x = 0 -> a1 = 0) -> (In x (lv r) -> lA x = 0 -> a2 = 0) ->
  op (a2 * a1) a -> In x (lv (Node l r)) -> lA x = 0 -> a = 0.
Proof.
  intros H1 H2 O I Z; cbn [lv] in I; apply in_app_or in I.
  assert (a2 * a1 = 0) as E by (destruct I as [I|I]; [rewrite (H2 I Z)|rewrite (H1 I Z)]; ring).
  rewrite E in O; apply (op_0 _ _ _ _ _ O).
Qed.

Lemma zero_window t a b r : kernel t a b -> In r (lv t) -> lA r = 0 -> a = 0.
Proof.
  intros K; induction K as [x a b Ha Hb | l r' a1 b1 a2 b2 a p b K1 IH1 K2 IH2 Oa _ _
    | l r' a1 b1 a2 b2 a b K1 IH1 K2 IH2 Oa _ | l x a1 b1 a2 y a p b K1 IH1 Ha Hy Oa _ _].
  - intros [<- | []] Z; apply zero_leaf with (1 := Z) (2 := Ha).
  - apply zero_product with (1 := IH1) (2 := IH2) (3 := Oa).
  - apply zero_product with (1 := IH1) (2 := IH2) (3 := Oa).
  - apply zero_product with (1 := IH1) (3 := Oa) (r := Leaf x).
    intros [<- | []] Z; apply zero_leaf with (1 := Z) (2 := Ha).
Qed.

Lemma op_lam x r : Rabs r < lam prec emin -> op x r -> Rabs x < lam prec emin.
Proof.
  intros H [E | (_ & Hx & _)]; [|exact Hx].
  apply Rnot_le_lt; intros L; apply (Rlt_irrefl (lam prec emin)), Rle_lt_trans with (2 := H).
  rewrite E; apply abs_round_ge_generic; try typeclasses eauto; [|exact L].
  apply generic_format_FLT_bpow; [exact prec_pos|unfold Prec_gt_0 in *; lia].
Qed.

Lemma op_again x b b' : op x b -> op b b' -> op x b'.
Proof.
  intros H [E | (Z & Hb & E)].
  - unfold RN in E; rewrite round_generic in E; [subst; exact H|typeclasses eauto|apply (op_format _ _ _ _ _ _ H)].
  - right; repeat split; [exact Z|apply op_lam with (1 := Hb) (2 := H)|exact E].
Qed.

(** Adding a computed value to 0 at most flushes it, and then its own last operation may have done so. *)
Lemma kernel_again t a b b' : kernel t a b -> op b b' -> kernel t a b'.
Proof.
  intros K O; inversion K as [x a0 b0 Ha Hb | l r a1 b1 a2 b2 a' p b'' K1 K2 Oa Op Ob
    | l r a1 b1 a2 b2 a' b'' K1 K2 Oa Ob | l x a1 b1 a2 y a' p b'' K1 Ha Hy Oa Op Ob]; subst.
  - apply kernel_leaf; [exact Ha|]; destruct Hb as (Hb & Fb & H0).
    destruct O as [E | (Z & L & E)].
    + unfold RN in E; rewrite round_generic in E; [|typeclasses eauto|exact Fb]; rewrite E; repeat split; assumption.
    + rewrite E; split; [apply H0; assumption|split; [apply format_0|intros _ _; apply H0; assumption]].
  - apply kernel_separate with (1 := K1) (2 := K2) (3 := Oa) (4 := Op), op_again with (1 := Ob), O.
  - apply kernel_fused with (1 := K1) (2 := K2) (3 := Oa), op_again with (1 := Ob), O.
  - apply kernel_fused_leaf with (1 := K1) (2 := Ha) (3 := Hy) (4 := Oa) (5 := Op), op_again with (1 := Ob), O.
Qed.

(** A product fused into a sum with 0 is a product rounded on its own. *)
Lemma product_alone x y b : holds_product prec emin ftz x y -> op y b -> holds_b prec emin ftz x b.
Proof.
  intros (_ & _ & H) O; split; [|split; [apply (op_format _ _ _ _ _ _ O)|]].
  - destruct (product_loss _ _ _ _ _ _ O) as (d & e & -> & Hd & He); apply H; assumption.
  - intros Z L; replace 0 with (y * (1 + 0) + - y) by ring.
    apply H; [rewrite Rabs_R0; apply v_pos|apply flush_kmul; [exact Z|apply op_lam with (1 := L) (2 := O)]].
Qed.

(** Where r falls in the leaves of a node. *)
Lemma cut_node {A} (later earlier ys older : list A) (r : A) : later ++ earlier = ys ++ r :: older ->
  (exists o, later = ys ++ r :: o) \/ (exists y1, ys = later ++ y1 /\ earlier = y1 ++ r :: older).
Proof.
  revert ys; induction later as [|x later IH]; intros [|y ys] E; simpl in *.
  - right; exists []; auto.
  - right; exists (y :: ys); auto.
  - left; exists later; injection E as -> _; reflexivity.
  - injection E as -> E; destruct (IH ys E) as [[o ->] | (y1 & -> & ->)]; [left|right]; eauto.
Qed.

Theorem restart t a b : kernel t a b -> forall ys r older, lv t = ys ++ r :: older -> lA r = 0 ->
  exists t' a', lv t' = ys ++ [r] /\ kernel t' a' b.
Proof.
  intros K; induction K as [x a b Ha Hb | l r' a1 b1 a2 b2 a p b K1 IH1 K2 IH2 Oa Op Ob
    | l r' a1 b1 a2 b2 a b K1 IH1 K2 IH2 Oa Ob | l x a1 b1 a2 y a p b K1 IH1 Ha Hy Oa Op Ob]; intros ys r older E Z.
  - exists (Leaf x), a; split; [|apply kernel_leaf; assumption].
    destruct ys as [|z [|z' ys]]; simpl in E; try discriminate; injection E as -> _; reflexivity.
  - cbn [lv] in E; destruct (cut_node _ _ _ _ _ E) as [[o E2] | (y1 & -> & E1)].
    + destruct (IH2 _ _ _ E2 Z) as (t' & a' & Et & Kt); exists t', a'; split; [exact Et|].
      assert (a2 = 0) as A2 by (apply zero_window with (1 := K2) (r := r); [rewrite E2; apply in_elt|exact Z]).
      rewrite A2, Rmult_0_l in Op; rewrite (op_0 _ _ _ _ _ Op), Rplus_0_l in Ob.
      apply kernel_again with (1 := Kt), Ob.
    + destruct (IH1 _ _ _ E1 Z) as (t' & a' & Et & Kt).
      exists (Node t' r'), (RN prec emin choice (a2 * a')); cbn [lv]; rewrite Et, app_assoc; split; [reflexivity|].
      apply kernel_separate with (1 := Kt) (2 := K2) (4 := Op) (5 := Ob); left; reflexivity.
  - cbn [lv] in E; destruct (cut_node _ _ _ _ _ E) as [[o E2] | (y1 & -> & E1)].
    + destruct (IH2 _ _ _ E2 Z) as (t' & a' & Et & Kt); exists t', a'; split; [exact Et|].
      assert (a2 = 0) as A2 by (apply zero_window with (1 := K2) (r := r); [rewrite E2; apply in_elt|exact Z]).
      rewrite A2, Rmult_0_l, Rplus_0_l in Ob; apply kernel_again with (1 := Kt), Ob.
    + destruct (IH1 _ _ _ E1 Z) as (t' & a' & Et & Kt).
      exists (Node t' r'), (RN prec emin choice (a2 * a')); cbn [lv]; rewrite Et, app_assoc; split; [reflexivity|].
      apply kernel_fused with (1 := Kt) (2 := K2) (4 := Ob); left; reflexivity.
  - cbn [lv] in E; destruct (cut_node [x] _ _ _ _ E) as [[o E2] | (y1 & -> & E1)].
    + assert (ys = [] /\ x = r) as [-> <-].
      { destruct ys as [|z ys]; [injection E2 as ->; auto|destruct ys; discriminate]. }
      exists (Leaf x), a2; split; [reflexivity|]; rewrite (zero_leaf x a2 Z Ha), Rmult_0_l in Op.
      rewrite (op_0 _ _ _ _ _ Op), Rplus_0_r in Ob; apply kernel_leaf; [exact Ha|apply product_alone with (1 := Hy), Ob].
    + destruct (IH1 _ _ _ E1 Z) as (t' & a' & Et & Kt).
      exists (Node t' (Leaf x)), (RN prec emin choice (a2 * a')); cbn [lv]; rewrite Et, app_assoc; split; [reflexivity|].
      apply kernel_fused_leaf with (1 := Kt) (2 := Ha) (3 := Hy) (5 := Op) (6 := Ob); left; reflexivity.
Qed.

Theorem restart_exact ys r older : lA r = 0 -> hx (ys ++ r :: older) = hx (ys ++ [r]).
Proof.
  intros Z; rewrite !hx_app; simpl.
  assert (la r = 0) as ->; [|ring].
  pose proof (la_le r); pose proof (Rabs_pos (la r)); apply Rabs_eq_R0; lra.
Qed.
End Restart.
