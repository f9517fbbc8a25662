(** Lemma 2: what the sums of a tree can cost when each costs at most its smaller addend.

    Main results: [costs_count] (V <= N v W), [costs_absorbed] (in a context c and for a threshold θ),
    [costs_window] (V against the leaves after a cut and the weight before it), and [lemma2] for plain
    weights, without multipliers and kicks.
    Depends on: RoundingLists, RoundingModel. *)
From Coq Require Import Reals List Arith Lia Lra Psatz.
From Exactscan Require Import RoundingLists RoundingModel.
Import ListNotations.
Open Scope R_scope.

Section Absorption.
Variables v km kp k0 : R.
Hypothesis v0 : 0 <= v.
Hypothesis v1 : v <= 1.
Hypothesis km0 : 0 <= km.
Hypothesis kp0 : 0 <= kp.
Hypothesis k00 : 0 <= k0.
Notation AU := (AU km k0).
Notation BU := (BU km kp k0).
Notation V := (V v km kp k0).
Notation D := (D km kp k0).
Notation DA := (DA km k0).

(** Number of non-zero leaves less one. *)
Definition N t := INR (pred (tz t)).

Lemma N_pos t : 0 <= N t. Proof. apply pos_INR. Qed.

Lemma N_node l r : tz l <> 0%nat -> tz r <> 0%nat -> N (Node l r) = N l + N r + 1.
Proof.
  intros Hl Hr; unfold N; rewrite tz_node.
  replace (pred (tz l + tz r)) with (S (pred (tz l) + pred (tz r))) by lia.
  rewrite S_INR, plus_INR; ring.
Qed.
Lemma N_left l r : tz r = 0%nat -> N (Node l r) = N l.
Proof. intros Z; unfold N; rewrite tz_node, Z, Nat.add_0_r; reflexivity. Qed.
Lemma N_right l r : tz l = 0%nat -> N (Node l r) = N r.
Proof. intros Z; unfold N; rewrite tz_node, Z; reflexivity. Qed.

Lemma N_leaf x : N (Leaf x) = 0.
Proof. unfold N, tz; simpl; destruct (lz x); reflexivity. Qed.

Lemma V_node l r : V (Node l r)
  = AU r * V l + V r + Rmin (v * BU (Node l r)) (Rmin (AU r * BU l + on (tz l) km) (BU r)).
Proof. reflexivity. Qed.
Lemma BU_node l r : BU (Node l r) = AU r * BU l + on (tz l) km + BU r + on (tz l + tz r) kp.
Proof. reflexivity. Qed.

Theorem costs_count t : V t <= N t * v * BU t.
Proof.
  induction t as [x|l IHl r IHr]; [rewrite N_leaf; simpl; lra|].
  pose proof (AU_pos km k0 km0 k00 r) as HA.
  pose proof (on_pos (tz l) km km0); pose proof (on_pos (tz l + tz r) kp kp0).
  pose proof (BU_pos km kp k0 km0 kp0 k00 l); pose proof (BU_pos km kp k0 km0 kp0 k00 r).
  pose proof (Rmult_le_compat_l _ _ _ HA IHl).
  assert (HB : 0 <= AU r * BU l) by (apply Rmult_le_pos; assumption).
  assert (HV : 0 <= v * BU (Node l r)) by (apply Rmult_le_pos; [|apply BU_pos]; assumption).
  rewrite V_node.
  destruct (Nat.eq_dec (tz l) 0) as [Zl|Zl].
  { destruct (tz_zero v km kp k0 _ Zl) as (Z1 & _ & _ & _ & Z5).
    rewrite N_right, BU_node, Z1, Z5, Zl by exact Zl; rewrite !Rmult_0_r; simpl on.
    pose proof (Rmult_le_pos _ _ (Rmult_le_pos _ _ (N_pos r) v0) (on_pos (0 + tz r) kp kp0)).
    unfold Rmin; repeat destruct Rle_dec; simpl in *; lra. }
  destruct (Nat.eq_dec (tz r) 0) as [Zr|Zr].
  { destruct (tz_zero v km kp k0 _ Zr) as (Z1 & _ & _ & _ & Z5).
    rewrite N_left, Z5, Z1 by exact Zr.
    pose proof (Rmult_le_pos _ _ (Rmult_le_pos _ _ (N_pos l) v0) (on_pos (tz l + tz r) kp kp0)).
    pose proof (Rmult_le_pos _ _ (Rmult_le_pos _ _ (N_pos l) v0) (on_pos (tz l) km km0)).
    rewrite BU_node, Z1 in *; unfold Rmin; repeat destruct Rle_dec; lra. }
  rewrite N_node by assumption.
  pose proof (Rmin_l (v * BU (Node l r)) (Rmin (AU r * BU l + on (tz l) km) (BU r))).
  assert (HNl : N l * v * (AU r * BU l) <= N l * v * BU (Node l r)).
  { apply Rmult_le_compat_l; [apply Rmult_le_pos; auto using N_pos|rewrite BU_node; lra]. }
  assert (HNr : N r * v * BU r <= N r * v * BU (Node l r)).
  { apply Rmult_le_compat_l; [apply Rmult_le_pos; auto using N_pos|rewrite BU_node; lra]. }
  lra.
Qed.

(** The step of Lemma 2 on two numbers. *)
Lemma min_step th x y : 0 <= x -> 0 <= y -> v * (x + y) <= th ->
  Rmin (v * (x + y)) (Rmin x y) + Rmin th (x + y) <= (1 + v) * (Rmin th x + Rmin th y).
Proof. intros; unfold Rmin; repeat destruct Rle_dec; nra. Qed.

(** The same with a kick [f] on the sum. *)
Lemma min_step_kick th x y f : 0 <= x -> 0 <= y -> 0 <= f -> v * (x + y + f) <= th ->
  Rmin (v * (x + y + f)) (Rmin x y) + Rmin th (x + y + f) <= (1 + v) * (Rmin th x + Rmin th y) + (1 + v) * f.
Proof.
  intros Hx Hy Hf Hth.
  assert (v * (x + y) <= th) by (assert (0 <= v * f) by (apply Rmult_le_pos; lra); lra).
  pose proof (min_step th x y Hx Hy H).
  assert (Rmin (v * (x + y + f)) (Rmin x y) <= Rmin (v * (x + y)) (Rmin x y) + v * f).
  { assert (0 <= v * f) by (apply Rmult_le_pos; lra); unfold Rmin; repeat destruct Rle_dec; lra. }
  assert (Rmin th (x + y + f) <= Rmin th (x + y) + f) by (unfold Rmin; repeat destruct Rle_dec; lra).
  lra.
Qed.

Lemma min_add th x k : 0 <= k -> Rmin th (x + k) <= Rmin th x + k.
Proof. intros; unfold Rmin; repeat destruct Rle_dec; lra. Qed.

(** Weights of a subtree in a context. *)
Definition S th c t := mins th c (lv t) + c * D t.

Lemma S_node th c l r : 0 <= c ->
  S th (c * AU r) l + c * on (tz l) km + S th c r + c * on (tz l + tz r) kp <= S th c (Node l r).
Proof.
  intros Hc; unfold S; cbn [lv]; rewrite mins_app, (D_node km kp k0).
  pose proof (PH_pos (lv r)) as HP; pose proof (DA_pos km k0 km0 k00 r) as HD.
  assert (HA : AU r = PH (lv r) + DA r) by (unfold RoundingModel.DA; ring).
  assert (HCA : 0 <= c * PH (lv r) <= c * AU r).
  { split; [apply Rmult_le_pos; assumption|apply Rmult_le_compat_l; lra]. }
  pose proof (mins_context th _ _ (lv l) HCA) as HM.
  rewrite HA in *; lra.
Qed.

Lemma S_ge th c t : 0 <= th -> 0 <= c -> Rmin th (c * BU t) <= S th c t.
Proof.
  intros Ht Hc; unfold S.
  replace (c * BU t) with (c * Mh (lv t) + c * D t) by (unfold RoundingModel.D; ring).
  apply Rle_trans with (1 := min_add _ _ _ (Rmult_le_pos _ _ Hc (D_pos km kp k0 km0 kp0 k00 t))).
  pose proof (mins_subadd th c (lv t) Ht Hc); lra.
Qed.

Lemma S_pos th c t : 0 <= th -> 0 <= c -> 0 <= S th c t.
Proof.
  intros Ht Hc; apply Rle_trans with (2 := S_ge th c t Ht Hc).
  apply Rmin_glb; [|apply Rmult_le_pos; [|apply BU_pos]]; assumption.
Qed.

Theorem costs_absorbed th t : forall c, 0 <= c -> v * (c * BU t) <= th ->
  c * V t + Rmin th (c * BU t) <= (1 + N t * v) * S th c t.
Proof.
  induction t as [x|l IHl r IHr]; intros c Hc Hth.
  - assert (0 <= th).
    { apply Rle_trans with (2 := Hth); repeat (apply Rmult_le_pos; try assumption); apply BU_pos; assumption. }
    rewrite N_leaf; simpl V; rewrite Rmult_0_l, Rplus_0_r, Rmult_0_r, Rmult_1_l, Rplus_0_l.
    apply S_ge; assumption.
  - pose proof (AU_pos km k0 km0 k00 r) as HA.
    pose proof (BU_pos km kp k0 km0 kp0 k00 l) as HBl; pose proof (BU_pos km kp k0 km0 kp0 k00 r) as HBr.
    set (k := on (tz l) km); set (f := on (tz l + tz r) kp).
    assert (Hk : 0 <= c * k) by (apply Rmult_le_pos; [|apply on_pos]; assumption).
    assert (Hf : 0 <= c * f) by (apply Rmult_le_pos; [|apply on_pos]; assumption).
    assert (HcA : 0 <= c * AU r) by (apply Rmult_le_pos; assumption).
    set (x := c * AU r * BU l); assert (Hx : 0 <= x) by (apply Rmult_le_pos; assumption).
    set (y := c * BU r); assert (Hy : 0 <= y) by (apply Rmult_le_pos; assumption).
    assert (HB : c * BU (Node l r) = x + c * k + y + c * f) by (rewrite BU_node; unfold x, y, k, f; ring).
    rewrite HB in *.
    assert (Hth0 : 0 <= th) by (apply Rle_trans with (2 := Hth); apply Rmult_le_pos; lra).
    assert (Hpart : forall z, z <= x + c * k + y + c * f -> v * z <= th).
    { intros z Hz; apply Rle_trans with (2 := Hth), Rmult_le_compat_l; assumption. }
    specialize (IHl (c * AU r) HcA (Hpart x ltac:(lra))).
    specialize (IHr c Hc (Hpart y ltac:(lra))); fold x in IHl; fold y in IHr.
    pose proof (S_ge th (c * AU r) l Hth0 HcA) as Gl; fold x in Gl.
    pose proof (S_ge th c r Hth0 Hc) as Gr; fold y in Gr.
    pose proof (S_node th c l r Hc) as HS; fold k in HS; fold f in HS.
    set (Sl := S th (c * AU r) l) in *; set (Sr := S th c r) in *.
    assert (HSl : 0 <= Sl) by (apply S_pos; assumption); assert (HSr : 0 <= Sr) by (apply S_pos; assumption).
    assert (HN : 1 <= 1 + N (Node l r) * v) by (pose proof (Rmult_le_pos _ _ (N_pos (Node l r)) v0); lra).
    apply Rle_trans with ((1 + N (Node l r) * v) * (Sl + c * k + Sr + c * f));
      [|apply Rmult_le_compat_l; lra].
    set (cost := Rmin (v * (x + c * k + y + c * f)) (Rmin (x + c * k) y)).
    assert (HV : c * V (Node l r) <= c * AU r * V l + c * V r + cost).
    { rewrite V_node, !Rmult_plus_distr_l, Rmult_assoc; apply Rplus_le_compat_l.
      unfold cost; rewrite <- HB; repeat apply Rmin_glb; unfold x, y, k.
      - replace (v * (c * BU (Node l r))) with (c * (v * BU (Node l r))) by ring.
        apply Rmult_le_compat_l, Rmin_l; exact Hc.
      - replace (c * AU r * BU l + c * on (tz l) km) with (c * (AU r * BU l + on (tz l) km)) by ring.
        apply Rmult_le_compat_l; [exact Hc|]; apply Rle_trans with (1 := Rmin_r _ _), Rmin_l.
      - apply Rmult_le_compat_l; [exact Hc|]; apply Rle_trans with (1 := Rmin_r _ _), Rmin_r. }
    apply Rle_trans with (1 := Rplus_le_compat_r _ _ _ HV); clear HV.
    assert (HNn : forall z, 0 <= z -> z <= (1 + N (Node l r) * v) * z).
    { intros z Hz; rewrite <- (Rmult_1_l z) at 1; apply Rmult_le_compat_r; assumption. }
    destruct (Nat.eq_dec (tz l) 0) as [Zl|Zl].
    { destruct (tz_zero v km kp k0 _ Zl) as (Z1 & _ & _ & _ & Z5).
      assert (x = 0) as Ex by (unfold x; rewrite Z1; ring).
      assert (k = 0) as Ek by (unfold k; rewrite Zl; reflexivity).
      assert (cost <= 0).
      { apply Rle_trans with (1 := Rmin_r _ _), Rle_trans with (1 := Rmin_l _ _); rewrite Ex, Ek; lra. }
      rewrite N_right in * by exact Zl; rewrite Ex, Ek, Z5 in *.
      pose proof (min_add th y (c * f) Hf); pose proof (HNn _ Hf); pose proof (HNn _ HSl).
      replace (0 + c * 0 + y + c * f) with (y + c * f) by ring; lra. }
    destruct (Nat.eq_dec (tz r) 0) as [Zr|Zr].
    { destruct (tz_zero v km kp k0 _ Zr) as (Z1 & _ & _ & _ & Z5).
      assert (y = 0) as Ey by (unfold y; rewrite Z1; ring).
      assert (cost <= 0).
      { apply Rle_trans with (1 := Rmin_r _ _), Rle_trans with (1 := Rmin_r _ _); lra. }
      rewrite N_left in * by exact Zr; rewrite Ey, Z5 in *.
      pose proof (min_add th x (c * k + c * f) ltac:(lra)); pose proof (HNn _ Hf); pose proof (HNn _ HSr).
      pose proof (HNn _ Hk); replace (x + c * k + 0 + c * f) with (x + (c * k + c * f)) by ring; lra. }
    pose proof (min_step_kick th (x + c * k) y (c * f) ltac:(lra) Hy Hf Hth) as M; fold cost in M.
    pose proof (Rmult_le_compat_l (1 + v) _ _ ltac:(lra) (min_add th x (c * k) Hk)).
    rewrite N_node by assumption.
    pose proof (Rmult_le_compat_l v _ _ v0 Gl); pose proof (Rmult_le_compat_l v _ _ v0 Gr).
    pose proof (Rmult_le_pos _ _ (Rmult_le_pos _ _ (N_pos l) v0) HSr).
    pose proof (Rmult_le_pos _ _ (Rmult_le_pos _ _ (N_pos r) v0) HSl).
    assert (0 <= (N l + N r) * v * (c * k + c * f)).
    { repeat apply Rmult_le_pos; try lra; apply Rplus_le_le_0_compat; apply N_pos. }
    lra.
Qed.

(** The form of Theorem 2: any division of the leaves into those after a cut, [ys], and before, [xs]. *)
Theorem costs_window t ys xs : lv t = ys ++ xs ->
  V t <= (1 + N t * v) * (INR (nz ys) * (v * BU t) + PH ys * Mh xs + D t) - v * BU t.
Proof.
  intros E.
  pose proof (BU_pos km kp k0 km0 kp0 k00 t) as HB.
  assert (Hth : 0 <= v * BU t) by (apply Rmult_le_pos; assumption).
  assert (H1 : v * (1 * BU t) <= v * BU t) by (rewrite Rmult_1_l; apply Rle_refl).
  pose proof (costs_absorbed (v * BU t) t 1 Rle_0_1 H1) as H.
  rewrite !Rmult_1_l in H; unfold S in H; rewrite Rmult_1_l, E in H.
  assert (HM : Rmin (v * BU t) (BU t) = v * BU t).
  { apply Rmin_left; rewrite <- (Rmult_1_l (BU t)) at 2; apply Rmult_le_compat_r; assumption. }
  rewrite HM in H.
  pose proof (mins_window (v * BU t) 1 ys xs Hth Rle_0_1) as W; rewrite Rmult_1_l in W.
  assert (HN : 0 <= 1 + N t * v) by (pose proof (Rmult_le_pos _ _ (N_pos t) v0); lra).
  pose proof (Rmult_le_compat_l _ _ _ HN (Rplus_le_compat_r (D t) _ _ W)); lra.
Qed.
End Absorption.

(** Lemma 2 for plain weights: all multipliers 1, no kicks. *)
Section Plain.
Variable v : R.
Hypothesis v0 : 0 <= v.
Inductive wtree := WLeaf (w : R) | WNode (l r : wtree).
Fixpoint weight t := match t with WLeaf w => w | WNode l r => weight l + weight r end.
Fixpoint weights t := match t with WLeaf w => [w] | WNode l r => weights l ++ weights r end.
Fixpoint cost t :=
  match t with
  | WLeaf _ => 0
  | WNode l r => cost l + cost r + Rmin (v * weight (WNode l r)) (Rmin (weight l) (weight r))
  end.
Definition sum_min th (l : list R) := fold_right (fun w s => Rmin th w + s) 0 l.

Lemma sum_min_app th xs ys : sum_min th (xs ++ ys) = sum_min th xs + sum_min th ys.
Proof. induction xs as [|x xs IH]; simpl; [ring|rewrite IH; ring]. Qed.

Theorem lemma2 th t : Forall (fun w => 0 <= w) (weights t) -> v * weight t <= th ->
  0 <= weight t /\ Rmin th (weight t) <= sum_min th (weights t) /\
  cost t + Rmin th (weight t) <= (1 + INR (pred (length (weights t))) * v) * sum_min th (weights t).
Proof.
  induction t as [w|l IHl r IHr]; intros Hw Hth.
  - inversion Hw; subst; simpl in *; split; lra.
  - simpl in *; apply Forall_app in Hw; destruct Hw as [Hl Hr].
    assert (Hpos : forall t, Forall (fun w => 0 <= w) (weights t) -> 0 <= weight t).
    { clear; induction t as [w|l IHl r IHr]; simpl; intros H; [inversion H; assumption|].
      apply Forall_app in H; destruct H; auto using Rplus_le_le_0_compat. }
    pose proof (Hpos l Hl) as Pl; pose proof (Hpos r Hr) as Pr.
    pose proof (Rmult_le_pos _ _ v0 Pl); pose proof (Rmult_le_pos _ _ v0 Pr).
    rewrite Rmult_plus_distr_l in Hth.
    destruct IHl as (_ & Gl & Cl); [exact Hl|lra|]; destruct IHr as (_ & Gr & Cr); [exact Hr|lra|].
    rewrite sum_min_app, app_length.
    assert (length (weights l) <> 0 /\ length (weights r) <> 0)%nat as [Ll Lr].
    { assert (forall t, length (weights t) <> 0%nat) as L; [|split; apply L].
      clear; induction t; simpl; [lia|rewrite app_length; lia]. }
    replace (pred (length (weights l) + length (weights r)))
      with (pred (length (weights l)) + pred (length (weights r)) + 1)%nat by lia.
    rewrite !plus_INR; simpl INR.
    set (nl := INR (pred (length (weights l)))) in *; set (nr := INR (pred (length (weights r)))) in *.
    assert (0 <= nl /\ 0 <= nr) as [? ?] by (split; apply pos_INR).
    assert (v * (weight l + weight r) <= th) as Hth' by lra.
    pose proof (min_step v v0 th _ _ Pl Pr Hth') as M.
    assert (0 <= th) by lra.
    assert (0 <= Rmin th (weight l) /\ 0 <= Rmin th (weight r)) as [Ml Mr] by (split; apply Rmin_glb; lra).
    pose proof (Rmult_le_compat_l v _ _ v0 Gl); pose proof (Rmult_le_compat_l v _ _ v0 Gr).
    pose proof (Rmult_le_pos _ _ (Rmult_le_pos nl v (pos_INR _) v0) (Rle_trans _ _ _ Mr Gr)).
    pose proof (Rmult_le_pos _ _ (Rmult_le_pos nr v (pos_INR _) v0) (Rle_trans _ _ _ Ml Gl)).
    split; [lra|split; [|lra]].
    unfold Rmin in *; repeat destruct Rle_dec; lra.
Qed.
End Plain.
