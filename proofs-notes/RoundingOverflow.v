(** Overflow: a rule under which no schedule exceeds the largest finite number.

    Main results: [sizes], [product_size]: every value of a bracketing is at most its majorant times Γ,
    whether or not operations flush; with the windows of RoundingWindows.v, P >= every M̂ + Ũ and Smax >= every S: if
    Γ P <= Ω and Γ Smax <= Ω (1 - t (η/2) Smax), no value of any bracketing exceeds Ω ([no_overflow], [no_overflow_product]).
    Depends on: RoundingLists, RoundingModel, RoundingKicks, RoundingWindows, RoundingIEEE, RoundingKernel. *)
From Coq Require Import Reals ZArith List Arith Lia Lra Psatz.
From Flocq Require Import Core.
From Exactscan Require Import RoundingLists RoundingModel RoundingKicks RoundingWindows RoundingIEEE RoundingKernel.
Import ListNotations.
Open Scope R_scope.

Section Overflow.
Variables (prec emin : Z) (choice : Z -> bool) (ftz wide : bool).
Context {prec_pos : Prec_gt_0 prec}.
Notation v := (v prec).
Notation q := (q v).
Notation op := (op prec emin choice ftz).
Notation kernel := (kernel prec emin choice ftz wide).
(** What rounding can add to a size: half the smallest number, at products. *)
Definition half := / 2 * eta emin.
Notation AU := (AU half 0).
Notation BU := (BU half 0 0).

Lemma half_pos : 0 <= half.
Proof. unfold half, eta; pose proof (bpow_gt_0 radix2 emin); lra. Qed.

Lemma op_grows x r : op x r -> Rabs r <= q * Rabs x + half.
Proof.
  pose proof half_pos; pose proof (v_pos prec); intros [-> | (_ & _ & ->)].
  - destruct (near_v prec emin choice x) as (d & e & -> & Hd & He & _).
    apply Rle_trans with (1 := Rabs_triang _ _), Rplus_le_compat; [|exact He].
    rewrite Rabs_mult, Rmult_comm; apply Rmult_le_compat_r; [apply Rabs_pos|].
    apply Rle_trans with (1 := Rabs_triang _ _); rewrite Rabs_R1; unfold RoundingLists.q; lra.
  - rewrite Rabs_R0; pose proof (Rmult_le_pos q (Rabs x)); unfold RoundingLists.q in *.
    pose proof (Rabs_pos x); lra.
Qed.

Lemma op_sum_grows x y r : format prec emin x -> format prec emin y -> op (x + y) r ->
  Rabs r <= q * (Rabs x + Rabs y).
Proof.
  intros Fx Fy O; pose proof (v_pos prec); pose proof (Rabs_pos x); pose proof (Rabs_pos y).
  assert (0 <= q * (Rabs x + Rabs y)) by (apply Rmult_le_pos; unfold RoundingLists.q; lra).
  destruct O as [E | (_ & _ & ->)]; [|rewrite Rabs_R0; exact H2].
  destruct (sum_loss prec emin choice false x y r Fx Fy (or_introl E)) as (e & f & Er & H3 & _ & _ & H4).
  assert (f = 0) by (unfold kadd in H4; apply Rabs_eq_R0; pose proof (Rabs_pos f); lra); subst f.
  rewrite Er, Rplus_0_r; apply Rle_trans with (1 := Rabs_triang _ _).
  pose proof (Rabs_triang x y); unfold RoundingLists.q.
  pose proof (Rmult_le_compat_l v _ _ H H5); lra.
Qed.

(** One factor q for each product and one for each sum. *)
Definition steps t := (2 * Nat.pred (length (lv t)))%nat.
Lemma steps_node l r : steps (Node l r) = (steps l + steps r + 2)%nat.
Proof.
  unfold steps; cbn [lv]; rewrite app_length; pose proof (leaves_pos l); pose proof (leaves_pos r); lia.
Qed.

Lemma AU0 t : 0 <= AU t. Proof. apply AU_pos; [apply half_pos|lra]. Qed.
Lemma BU0 t : 0 <= BU t. Proof. apply BU_pos; [apply half_pos|lra|lra]. Qed.

Lemma grow_product sl sr x y X Y r : op (y * x) r ->
  Rabs x <= q ^ sl * X -> Rabs y <= q ^ sr * Y -> 0 <= X -> 0 <= Y -> Rabs r <= q ^ (sl + sr + 1) * (Y * X + half).
Proof.
  intros O Hx Hy HX HY; apply Rle_trans with (1 := op_grows _ _ O).
  pose proof (qn_ge1 v (v_pos prec) (sl + sr + 1)) as Q1; pose proof half_pos.
  assert (Rabs (y * x) <= q ^ sr * Y * (q ^ sl * X)).
  { rewrite Rabs_mult; apply Rmult_le_compat; auto using Rabs_pos. }
  assert (0 <= q) by (unfold RoundingLists.q; pose proof (v_pos prec); lra).
  pose proof (Rmult_le_compat_l q _ _ H1 H0).
  pose proof (Rmult_le_compat_r half _ _ H Q1).
  rewrite !pow_add, pow_1 in *; lra.
Qed.

Lemma qn_mono m n x : (m <= n)%nat -> 0 <= x -> q ^ m * x <= q ^ n * x.
Proof. intros Hmn Hx; apply Rmult_le_compat_r; [exact Hx|]; apply qn_le; [apply v_pos|exact Hmn]. Qed.

Lemma zero_window_b l b1 : facts_b prec emin l b1 -> tz l = 0%nat -> b1 = 0.
Proof. intros [_ H]; exact H. Qed.

Lemma product_grows sl sr l r a2 b1 p : facts_b prec emin l b1 -> op (a2 * b1) p ->
  Rabs b1 <= q ^ sl * BU l -> Rabs a2 <= q ^ sr * AU r ->
  Rabs p <= q ^ (sl + sr + 1) * (AU r * BU l + on (tz l) half).
Proof.
  intros Fl O Hb Ha; destruct (Nat.eq_dec (tz l) 0) as [Z|Z].
  - rewrite (zero_window_b _ _ Fl Z), Rmult_0_r in O; rewrite (op_0 _ _ _ _ _ O), Rabs_R0, Z; simpl on.
    apply Rmult_le_pos; [apply qn_pos, v_pos|].
    pose proof (Rmult_le_pos _ _ (AU0 r) (BU0 l)); lra.
  - rewrite on_nonzero by exact Z; apply (grow_product _ _ _ _ _ _ _ O Hb Ha); [apply BU0|apply AU0].
Qed.

(** The sum: a factor more. [p], [y]: sizes of its parts, [n] factors already in them. *)
Lemma sum_grows n l r b P Y : Rabs b <= q * (P + Y) ->
  P <= q ^ n * (AU r * BU l + on (tz l) half) -> Y <= q ^ n * BU r ->
  Rabs b <= q ^ (n + 1) * BU (Node l r).
Proof.
  intros Hb HP HY; apply Rle_trans with (1 := Hb).
  assert (0 <= q) by (unfold RoundingLists.q; pose proof (v_pos prec); lra).
  assert (E : BU (Node l r) = AU r * BU l + on (tz l) half + BU r).
  { cbn [RoundingModel.BU]; replace (on (tz l + tz r) 0) with 0 by (destruct (tz l + tz r)%nat; reflexivity); ring. }
  rewrite E, pow_add, pow_1; pose proof (Rmult_le_compat_l q _ _ H (Rplus_le_compat _ _ _ _ HP HY)); lra.
Qed.

Lemma fused_grows l a2 b1 b2 b : facts_b prec emin l b1 -> format prec emin b2 -> op (a2 * b1 + b2) b ->
  Rabs b <= q * (Rabs (a2 * b1) + Rabs b2) + on (tz l) half.
Proof.
  intros Fl F2 O; destruct (Nat.eq_dec (tz l) 0) as [Z|Z].
  - rewrite (zero_window_b _ _ Fl Z), Rmult_0_r in *; rewrite Z; simpl on; rewrite Rplus_0_r.
    apply op_sum_grows; [apply format_0|exact F2|exact O].
  - rewrite on_nonzero by exact Z; apply Rle_trans with (1 := op_grows _ _ O), Rplus_le_compat_r.
    apply Rmult_le_compat_l; [unfold RoundingLists.q; pose proof (v_pos prec); lra|apply Rabs_triang].
Qed.

(** A leaf's product fused into the sum. *)
Lemma leaf_fused_grows x y p b : holds_product prec emin ftz x y -> format prec emin p -> op (y + p) b ->
  Rabs b <= q * (Rabs p + lB x).
Proof.
  intros (Hy & _ & Hall) Fp O; pose proof (v_pos prec) as Hv; pose proof (Rabs_pos p); pose proof (lB_pos x).
  destruct O as [E | (_ & _ & ->)].
  2: { rewrite Rabs_R0; apply Rmult_le_pos; unfold RoundingLists.q; lra. }
  destruct (fused_loss prec emin choice false v y p b Hv (near_v _ _ _ y) Fp (or_introl E))
    as (d & eb & e & f & Eb & Hd & Heb & He & _ & _ & Hf).
  assert (f = 0) by (unfold kadd in Hf; apply Rabs_eq_R0; pose proof (Rabs_pos f); lra); subst f.
  assert (Hleaf : Rabs (y * (1 + d) + eb) <= lB x).
  { pose proof (Hall d eb Hd (Rle_trans _ _ _ Heb (half_eta_le_kmul prec emin ftz))) as A; unfold allows_b in A.
    replace (y * (1 + d) + eb) with ((y * (1 + d) + eb - lb x) + lb x) by ring.
    pose proof (lb_mb x); apply Rle_trans with (1 := Rabs_triang _ _); lra. }
  rewrite Eb, Rplus_0_r.
  apply Rle_trans with (1 := Rabs_triang _ _).
  pose proof (Rabs_triang (y * (1 + d) + eb) p); pose proof (Rabs_triang y p) as T.
  pose proof (Rmult_le_compat_l v _ _ Hv (Rle_trans _ _ _ T (Rplus_le_compat_r (Rabs p) _ _ Hy))).
  unfold RoundingLists.q; lra.
Qed.

Theorem sizes t a b : kernel t a b -> Rabs a <= q ^ steps t * AU t /\ Rabs b <= q ^ steps t * BU t.
Proof.
  induction 1 as [x a b Ha Hb | l r a1 b1 a2 b2 a p b K1 [A1 B1] K2 [A2 B2] Oa Op Ob
    | l r a1 b1 a2 b2 a b K1 [A1 B1] K2 [A2 B2] Oa Ob | l x a1 b1 a2 y a p b K1 [A1 B1] Ha Hy Oa Op Ob].
  - change (steps (Leaf x)) with 0%nat; rewrite pow_O, !Rmult_1_l; cbn [RoundingModel.AU RoundingModel.BU].
    destruct Ha as [Ha _], Hb as [Hb _]; unfold allows_b in Hb.
    assert (on (bit (lz x)) 0 = 0) as -> by (destruct (lz x); reflexivity); rewrite !Rplus_0_r.
    pose proof (Rabs_triang (a - la x) (la x)); pose proof (Rabs_triang (b - lb x) (lb x)); pose proof (la_ma x); pose proof (lb_mb x).
    replace (a - la x + la x) with a in * by ring; replace (b - lb x + lb x) with b in * by ring; lra.
  - destruct (kernel_ev _ _ _ _ _ _ _ _ K1) as (_ & _ & Bl), (kernel_ev _ _ _ _ _ _ _ _ K2) as (_ & _ & Br).
    rewrite steps_node; split.
    + apply Rle_trans with (1 := grow_product _ _ _ _ _ _ _ Oa A1 A2 (AU0 l) (AU0 r)).
      apply qn_mono; [lia|apply (AU0 (Node l r))].
    + replace (steps l + steps r + 2)%nat with (steps l + steps r + 1 + 1)%nat by lia.
      apply sum_grows with (P := Rabs p) (Y := Rabs b2).
      * apply op_sum_grows; [apply (op_format _ _ _ _ _ _ Op)|apply Br|exact Ob].
      * apply product_grows with (1 := Bl) (2 := Op); assumption.
      * apply Rle_trans with (1 := B2), qn_mono; [lia|apply BU0].
  - destruct (kernel_ev _ _ _ _ _ _ _ _ K1) as (_ & _ & Bl), (kernel_ev _ _ _ _ _ _ _ _ K2) as (_ & _ & Br).
    rewrite steps_node; split.
    + apply Rle_trans with (1 := grow_product _ _ _ _ _ _ _ Oa A1 A2 (AU0 l) (AU0 r)).
      apply qn_mono; [lia|apply (AU0 (Node l r))].
    + apply Rle_trans with (1 := fused_grows _ _ _ _ _ Bl (proj1 Br) Ob).
      assert (X : Rabs (a2 * b1) <= q ^ (steps l + steps r) * (AU r * BU l)).
      { rewrite Rabs_mult; apply Rle_trans with (q ^ steps r * AU r * (q ^ steps l * BU l)).
        - apply Rmult_le_compat; auto using Rabs_pos.
        - right; rewrite pow_add; ring. }
      pose proof (qn_mono (steps r) (steps l + steps r) _ ltac:(lia) (BU0 r)) as Y.
      pose proof (qn_ge1 v (v_pos prec) (steps l + steps r + 1)) as Q1; pose proof half_pos.
      assert (0 <= q) by (unfold RoundingLists.q; pose proof (v_pos prec); lra).
      pose proof (Rmult_le_compat_l q _ _ H0 X); pose proof (Rmult_le_compat_l q _ _ H0 (Rle_trans _ _ _ B2 Y)).
      pose proof (Rmult_le_compat_r (on (tz l) half) _ _ (on_pos _ _ H) Q1).
      apply Rle_trans with (q ^ (steps l + steps r + 1) * BU (Node l r)).
      * cbn [RoundingModel.BU]; replace (on (tz l + tz r) 0) with 0 by (destruct (tz l + tz r)%nat; reflexivity).
        rewrite !pow_add, !pow_1 in *; lra.
      * apply qn_mono; [lia|apply BU0].
  - destruct (kernel_ev _ _ _ _ _ _ _ _ K1) as (_ & _ & Bl).
    assert (A2 : Rabs a2 <= q ^ 0 * AU (Leaf x)).
    { destruct Ha as [Ha _]; cbn [RoundingModel.AU]; rewrite pow_O, Rmult_1_l, Rplus_0_r.
      pose proof (la_ma x); replace a2 with ((a2 - la x) + la x) by ring; apply Rle_trans with (1 := Rabs_triang _ _); lra. }
    rewrite steps_node; split.
    + apply Rle_trans with (1 := grow_product _ _ _ _ _ _ _ Oa A1 A2 (AU0 l) (AU0 (Leaf x))).
      apply qn_mono; [lia|apply (AU0 (Node l (Leaf x)))].
    + replace (steps l + steps (Leaf x) + 2)%nat with (steps l + 0 + 1 + 1)%nat by (unfold steps; simpl; lia).
      apply sum_grows with (P := Rabs p) (Y := lB x).
      * apply leaf_fused_grows with (1 := Hy) (3 := Ob), (op_format _ _ _ _ _ _ Op).
      * apply product_grows with (1 := Bl) (2 := Op); assumption.
      * apply Rle_trans with (1 * BU (Leaf x)); [|apply Rmult_le_compat_r; [apply BU0|apply (qn_ge1 v (v_pos prec))]].
        cbn [RoundingModel.BU]; rewrite Rmult_1_l; pose proof (on_pos (bit (lz x)) 0 (Rle_refl 0)); lra.
Qed.

(** The product inside a node. *)
Theorem product_size l r a1 b1 a2 b2 p : kernel l a1 b1 -> kernel r a2 b2 -> op (a2 * b1) p ->
  Rabs p <= q ^ steps (Node l r) * BU (Node l r).
Proof.
  intros K1 K2 O; destruct (sizes _ _ _ K1) as [_ B1], (sizes _ _ _ K2) as [A2 _].
  destruct (kernel_ev _ _ _ _ _ _ _ _ K1) as (_ & _ & Bl).
  apply Rle_trans with (1 := product_grows _ _ _ _ _ _ _ Bl O B1 A2).
  apply Rle_trans with (q ^ (steps l + steps r + 1) * BU (Node l r)); [|apply qn_mono; [rewrite steps_node; lia|apply BU0]].
  apply Rmult_le_compat_l; [apply qn_pos, v_pos|]; cbn [RoundingModel.BU].
  pose proof (BU0 r); pose proof (on_pos (tz l + tz r) 0 (Rle_refl 0)); lra.
Qed.

(** ** Windows: [L] is all leaves up to t; [Smax] at least every S, [A] as above. *)
Notation Uf := (Uf half 0 0).
Variables (L : list leaf) (Smax A : R).
Hypothesis all_S : forall ys xs, L = ys ++ xs -> Sf xs <= Smax.
Hypothesis A_large : Smax + INR (length L) * half * Smax * A <= A.
Hypothesis A_pos : 0 <= A.

(** Every value of every bracketing of a part of the leaves, its intermediate products included. *)
Variables (Om P : R).
Hypothesis all_M : forall ys xs, L = ys ++ xs -> Mh xs + Uf xs <= P.
Hypothesis Om_P : q ^ (2 * Nat.pred (length L)) * P <= Om.
Hypothesis Om_A : q ^ (2 * Nat.pred (length L)) * A <= Om.

Lemma steps_le t ys xs : L = ys ++ lv t ++ xs -> (steps t <= 2 * Nat.pred (length L))%nat.
Proof. intros E; unfold steps; rewrite E, !app_length; lia. Qed.

Theorem no_overflow t a b ys xs : L = ys ++ lv t ++ xs -> kernel t a b ->
  Rabs b <= Om /\ (xs <> [] -> Rabs a <= Om).
Proof.
  intros E K; destruct (sizes _ _ _ K) as [Ha Hb]; pose proof (steps_le _ _ _ E) as Hs; split.
  - apply Rle_trans with (1 := Hb), Rle_trans with (1 := qn_mono _ _ _ Hs (BU0 t)), Rle_trans with (2 := Om_P).
    apply Rmult_le_compat_l; [apply qn_pos, v_pos|].
    apply Rle_trans with (1 := window_b half 0 half_pos (Rle_refl 0) t xs), (all_M ys); exact E.
  - intros N; apply Rle_trans with (1 := Ha), Rle_trans with (1 := qn_mono _ _ _ Hs (AU0 t)), Rle_trans with (2 := Om_A).
    apply Rmult_le_compat_l; [apply qn_pos, v_pos|apply (window_a half half_pos L Smax A all_S A_large A_pos t ys xs N E)].
Qed.

Theorem no_overflow_product l r a1 b1 a2 b2 p ys xs : L = ys ++ lv (Node l r) ++ xs ->
  kernel l a1 b1 -> kernel r a2 b2 -> op (a2 * b1) p -> Rabs p <= Om.
Proof.
  intros E K1 K2 O; apply Rle_trans with (1 := product_size _ _ _ _ _ _ _ K1 K2 O).
  apply Rle_trans with (1 := qn_mono _ _ _ (steps_le _ _ _ E) (BU0 _)), Rle_trans with (2 := Om_P).
  apply Rmult_le_compat_l; [apply qn_pos, v_pos|].
  apply Rle_trans with (1 := window_b half 0 half_pos (Rle_refl 0) (Node l r) xs), (all_M ys); exact E.
Qed.
End Overflow.
