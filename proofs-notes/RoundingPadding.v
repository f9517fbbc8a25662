(** Padding with the identity (1, 0) changes no computed value.

    Main results: [unpad]: a bracketing whose leaves include exact identities computes what some bracketing of
    the other leaves computes; [unpad_exact]: so does the exact scan. Hence a bound for the real leaves alone
    holds for kernels that pad. Multipliers in the working format.
    Depends on: RoundingLists, RoundingModel, RoundingIEEE, RoundingKernel, RoundingRestart. *)
From Coq Require Import Reals ZArith List Arith Lia Lra Psatz.
From Flocq Require Import Core.
From Exactscan Require Import RoundingLists RoundingModel RoundingIEEE RoundingKernel RoundingRestart.
Import ListNotations.
Open Scope R_scope.

(** [keep] says which leaves are real; the others hold exactly (1, 0). *)
Definition padding (keep : leaf -> bool) x := keep x = false -> la x = 1 /\ lA x = 1 /\ lB x = 0 /\ lz x = false.

Theorem unpad_exact keep l : (forall x, In x l -> padding keep x) -> hx (filter keep l) = hx l.
Proof.
  induction l as [|x l IH]; intros H; [reflexivity|]; simpl.
  rewrite <- IH by (intros y Hy; apply H; right; exact Hy).
  destruct (keep x) eqn:E; [reflexivity|]; destruct (H x (or_introl eq_refl) E) as (A & _ & B & _).
  pose proof (lb_le x); pose proof (Rabs_pos (lb x)); rewrite A.
  replace (lb x) with 0 by (symmetry; apply Rabs_eq_R0; lra); ring.
Qed.

Section Padding.
Variables (prec emin : Z) (choice : Z -> bool) (ftz : bool).
Context {prec_pos : Prec_gt_0 prec}.
Hypothesis one_normal : (emin + prec <= 1)%Z.
Notation kernel := (kernel prec emin choice ftz false).
Notation op := (op prec emin choice ftz).
Variable keep : leaf -> bool.

Lemma op_1 r : op 1 r -> r = 1.
Proof.
  assert (L : lam prec emin <= 1) by (change 1 with (bpow radix2 0); apply bpow_le; lia).
  intros [-> | (_ & H & _)]; [|rewrite Rabs_R1 in H; lra].
  apply round_generic; [typeclasses eauto|]; change 1 with (bpow radix2 0).
  apply generic_format_FLT_bpow; [exact prec_pos|unfold Prec_gt_0 in *; lia].
Qed.

Lemma again x y z : op x y -> op y z -> op x z.
Proof. intros H1 H2; exact (op_again prec emin choice ftz x y z H1 H2). Qed.
Lemma kernel_again_b t a b b' : kernel t a b -> op b b' -> kernel t a b'.
Proof. intros H1 H2; exact (kernel_again prec emin choice ftz false t a b b' H1 H2). Qed.
Lemma alone x y b : holds_product prec emin ftz x y -> op y b -> holds_b prec emin ftz x b.
Proof. intros H1 H2; exact (product_alone prec emin choice ftz x y b H1 H2). Qed.

Lemma kernel_again_a t a b a' : kernel t a b -> op a a' -> kernel t a' b.
Proof.
  intros K O; destruct (kernel_ev _ _ _ _ _ _ _ _ K) as (_ & (F & _) & _); specialize (F eq_refl).
  inversion K as [x a0 b0 Ha Hb | l r a1 b1 a2 b2 a0 p b0 K1 K2 Oa Op Ob
    | l r a1 b1 a2 b2 a0 b0 K1 K2 Oa Ob | l x a1 b1 a2 y a0 p b0 K1 Ha Hy Oa Op Ob]; subst.
  - apply kernel_leaf; [|exact Hb]; destruct Ha as (H1 & H2 & H3 & H4 & H5), O as [E | (Z & L & E)].
    + unfold RN in E; rewrite round_generic in E; [|typeclasses eauto|exact F]; rewrite E; repeat split; assumption.
    + rewrite E; repeat split; try discriminate.
      * rewrite Rminus_0_l, Rabs_Ropp; apply H5; assumption.
      * intros _; apply format_0.
      * intros _; left; reflexivity.
      * intros _ _; apply H5; assumption.
  - apply kernel_separate with (1 := K1) (2 := K2) (4 := Op) (5 := Ob), again with (1 := Oa), O.
  - apply kernel_fused with (1 := K1) (2 := K2) (4 := Ob), again with (1 := Oa), O.
  - apply kernel_fused_leaf with (1 := K1) (2 := Ha) (3 := Hy) (5 := Op) (6 := Ob), again with (1 := Oa), O.
Qed.

(** Either nothing is left of the window and it computed (1, 0), or the rest computes the same. *)
Definition same t a b :=
  (filter keep (lv t) = [] /\ a = 1 /\ b = 0) \/ (exists t', lv t' = filter keep (lv t) /\ kernel t' a b).

Lemma same_node l r a1 b1 a2 b2 a b p : same l a1 b1 -> same r a2 b2 ->
  kernel l a1 b1 -> kernel r a2 b2 -> op (a2 * a1) a ->
  (op (a2 * b1) p /\ op (p + b2) b \/ op (a2 * b1 + b2) b) -> same (Node l r) a b.
Proof.
  intros [(E1 & A1 & B1) | (t1 & E1 & K1')] [(E2 & A2 & B2) | (t2 & E2 & K2')] K1 K2 Oa Ob;
    unfold same; cbn [lv]; rewrite filter_app.
  - left; rewrite E1, E2; rewrite A1, A2, Rmult_1_l in Oa; rewrite B1, B2, A2 in Ob.
    repeat split; [apply op_1, Oa|]; destruct Ob as [[Op Ob] | Ob].
    + rewrite Rmult_0_r in Op; apply op_0 in Op; rewrite Op, Rplus_0_r in Ob; apply (op_0 _ _ _ _ _ Ob).
    + rewrite Rmult_0_r, Rplus_0_r in Ob; apply (op_0 _ _ _ _ _ Ob).
  - right; exists t2; rewrite E1, app_nil_r; split; [exact E2|]; subst a1 b1; rewrite Rmult_1_r in Oa.
    assert (op b2 b).
    { destruct Ob as [[Op Ob] | Ob].
      - rewrite Rmult_0_r in Op; apply op_0 in Op; rewrite Op, Rplus_0_l in Ob; exact Ob.
      - rewrite Rmult_0_r, Rplus_0_l in Ob; exact Ob. }
    apply kernel_again_b with (b := b2); [apply kernel_again_a with (a := a2); assumption|assumption].
  - right; exists t1; rewrite E2; split; [exact E1|]; subst a2 b2; rewrite Rmult_1_l in Oa.
    apply kernel_again_a with (a := a1); [|exact Oa]; destruct Ob as [[Op Ob] | Ob]; rewrite Rplus_0_r in Ob.
    + rewrite Rmult_1_l in Op; apply kernel_again_b with (b := p); [apply kernel_again_b with (1 := K1'), Op|exact Ob].
    + rewrite Rmult_1_l in Ob; apply kernel_again_b with (1 := K1'), Ob.
  - right; exists (Node t1 t2); cbn [lv]; rewrite E1, E2; split; [reflexivity|].
    destruct Ob as [[Op Ob] | Ob].
    + apply kernel_separate with (1 := K1') (2 := K2') (3 := Oa) (4 := Op) (5 := Ob).
    + apply kernel_fused with (1 := K1') (2 := K2') (3 := Oa) (4 := Ob).
Qed.

Lemma pad_holds x a : padding keep x -> keep x = false -> holds_a prec emin ftz false x a -> a = 1.
Proof.
  intros P E (H & _); destruct (P E) as (A & B & _); pose proof (la_ma x) as L; rewrite A, Rabs_R1 in L; rewrite A, B in H.
  pose proof (Rabs_pos (a - 1)); assert (a - 1 = 0) by (apply Rabs_eq_R0; lra); lra.
Qed.

Theorem unpad t a b : kernel t a b -> (forall x, In x (lv t) -> padding keep x) -> same t a b.
Proof.
  intros K; induction K as [x a b Ha Hb | l r a1 b1 a2 b2 a p b K1 IH1 K2 IH2 Oa Op Ob
    | l r a1 b1 a2 b2 a b K1 IH1 K2 IH2 Oa Ob | l x a1 b1 a2 y a p b K1 IH1 Ha Hy Oa Op Ob]; intros P.
  - assert (Px : padding keep x) by (apply P; left; reflexivity).
    unfold same; simpl; destruct (keep x) eqn:E.
    + right; exists (Leaf x); split; [reflexivity|apply kernel_leaf; assumption].
    + left; destruct (Px E) as (_ & _ & _ & Z); repeat split; [apply (pad_holds x a Px E Ha)|].
      apply (zero_leaf_b x b Z), (proj1 Hb).
  - apply same_node with (1 := IH1 (fun x H => P x (in_or_app _ _ _ (or_intror H))))
      (2 := IH2 (fun x H => P x (in_or_app _ _ _ (or_introl H)))) (3 := K1) (4 := K2) (5 := Oa) (p := p); left; split; assumption.
  - apply same_node with (1 := IH1 (fun x H => P x (in_or_app _ _ _ (or_intror H))))
      (2 := IH2 (fun x H => P x (in_or_app _ _ _ (or_introl H)))) (3 := K1) (4 := K2) (5 := Oa) (p := 0); right; assumption.
  - assert (Px : padding keep x) by (apply P; cbn [lv]; left; reflexivity).
    destruct Hy as (Hy1 & Zx & Hy2).
    assert (E : keep x = true) by (destruct (keep x) eqn:E; [reflexivity|destruct (Px E) as (_ & _ & _ & Z); congruence]).
    destruct (IH1 (fun z H => P z (in_or_app [x] _ _ (or_intror H)))) as [(E1 & -> & ->) | (t1 & E1 & K1')].
    + right; exists (Leaf x); cbn [lv app filter]; rewrite E, E1; split; [reflexivity|].
      rewrite Rmult_1_r in Oa; rewrite Rmult_0_r in Op; apply op_0 in Op; rewrite Op, Rplus_0_r in Ob.
      apply kernel_again_a with (a := a2); [|exact Oa]; apply kernel_leaf; [exact Ha|].
      apply alone with (2 := Ob); repeat split; assumption.
    + right; exists (Node t1 (Leaf x)); cbn [lv app filter]; rewrite E, E1; split; [reflexivity|].
      apply kernel_fused_leaf with (1 := K1') (2 := Ha) (4 := Oa) (5 := Op) (6 := Ob); repeat split; assumption.
Qed.
End Padding.
