(** The cap of flushing kernels: what is flushed only shrinks.

    Main results: [flush_cap]: a bracketing whose operations may flush deviates by at most Γ (M̂ + Ũ) + M, with the Ũ of gradual
    underflow; [directed_sizes], [directed_cap]: the same where every operation may round to either neighbour, with 2u and the
    smallest number.
    Depends on: RoundingLists, RoundingModel, RoundingKicks, RoundingIEEE, RoundingKernel, RoundingOverflow, RoundingDirected. *)
From Coq Require Import Reals ZArith List Arith Lia Lra Psatz.
From Flocq Require Import Core Plus_error.
From Exactscan Require Import RoundingLists RoundingModel RoundingKicks RoundingIEEE RoundingKernel RoundingWindows RoundingOverflow RoundingDirected.
Import ListNotations.
Open Scope R_scope.

(** From sizes to a deviation. *)
Lemma cap_of_sizes km kp t b g : 0 <= km -> 0 <= kp -> 0 <= g -> Rabs b <= g * BU km kp 0 t ->
  Rabs (b - hx (lv t)) <= g * (Mh (lv t) + Uf km kp 0 (lv t)) + Mb (lv t).
Proof.
  intros Hk Hp Hg Hb; pose proof (hx_le (lv t)); pose proof (excess_le km kp 0 Hk Hp (Rle_refl 0) t) as X.
  unfold RoundingModel.D in X; pose proof (Rmult_le_compat_l g (BU km kp 0 t) (Mh (lv t) + Uf km kp 0 (lv t)) Hg ltac:(lra)).
  unfold Rminus; apply Rle_trans with (1 := Rabs_triang _ _); rewrite Rabs_Ropp; lra.
Qed.

Section Cap.
Variables (prec emin : Z) (ftz wide : bool).
Context {prec_pos : Prec_gt_0 prec}.

Theorem flush_cap choice t a b : kernel prec emin choice ftz wide t a b ->
  Rabs (b - hx (lv t)) <= q (v prec) ^ steps t * (Mh (lv t) + Uf (half emin) 0 0 (lv t)) + Mb (lv t).
Proof.
  intros K; destruct (sizes _ _ _ _ _ _ _ _ K) as [_ B].
  apply cap_of_sizes; [apply half_pos|lra|apply (qn_pos (v prec) (v_pos prec))|exact B].
Qed.

Notation opd := (opd prec emin ftz).
Notation w := (w prec).
Notation q := (q w).
Notation eta := (eta emin).
Notation AU := (AU eta 0).
Notation BU := (BU eta 0 0).
Notation kernel_d := (kernel_d prec emin ftz wide).

Lemma eta_pos : 0 <= eta. Proof. apply bpow_ge_0. Qed.
Lemma q_ge1 : 1 <= q. Proof. unfold RoundingLists.q; pose proof (w_pos prec); lra. Qed.

Lemma opd_grows x r : opd x r -> Rabs r <= q * Rabs x + eta.
Proof.
  pose proof eta_pos; pose proof q_ge1; pose proof (Rabs_pos x); pose proof (Rmult_le_pos _ _ (w_pos prec) (Rabs_pos x)).
  unfold RoundingLists.q in *; intros [(rnd & V & ->) | (_ & _ & ->)]; [|rewrite Rabs_R0; lra].
  set (r := round radix2 (fexp prec emin) rnd x); replace r with (x + (r - x)) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _); destruct (round_error prec emin rnd x V) as [[_ E] | [_ E]]; fold r in E; lra.
Qed.

Lemma opd_sum_grows x y r : format prec emin x -> format prec emin y -> opd (x + y) r -> Rabs r <= q * (Rabs x + Rabs y).
Proof.
  intros Fx Fy O; pose proof (w_pos prec) as Hw; pose proof (Rabs_pos x); pose proof (Rabs_pos y); pose proof (Rabs_triang x y) as T.
  pose proof (Rmult_le_compat_l _ _ _ Hw T); pose proof (Rmult_le_pos _ _ Hw (Rabs_pos (x + y))); unfold RoundingLists.q.
  destruct O as [(rnd & V & ->) | (_ & _ & ->)]; [|rewrite Rabs_R0; lra].
  set (r := round radix2 (fexp prec emin) rnd (x + y)); replace r with (x + y + (r - (x + y))) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _); destruct (round_error prec emin rnd (x + y) V) as [[_ E] | [L E]]; fold r in E; [lra|].
  unfold r; rewrite round_generic; [rewrite Rminus_diag_eq, Rabs_R0 by reflexivity; lra|exact V|].
  apply FLT_format_plus_small; try assumption; left; apply Rlt_trans with (1 := L), bpow_lt; lia.
Qed.

Lemma AUd t : 0 <= AU t. Proof. apply AU_pos; [apply eta_pos|lra]. Qed.
Lemma BUd t : 0 <= BU t. Proof. apply BU_pos; [apply eta_pos|lra|lra]. Qed.
Lemma qd_mono m n x : (m <= n)%nat -> 0 <= x -> q ^ m * x <= q ^ n * x.
Proof. intros H Hx; apply Rmult_le_compat_r; [exact Hx|apply Rle_pow; [apply q_ge1|exact H]]. Qed.
Lemma qd_ge1 n : 1 <= q ^ n. Proof. apply pow_R1_Rle, q_ge1. Qed.

(** A product with n factors in it already, and its kick. *)
Lemma product_grows_d m n x y X Y k r : Rabs r <= q * Rabs (y * x) + k -> 0 <= k -> Rabs x <= q ^ m * X -> Rabs y <= q ^ n * Y ->
  Rabs r <= q ^ (m + n + 1) * (Y * X + k).
Proof.
  intros Hr Hk Hx Hy; apply Rle_trans with (1 := Hr).
  assert (Rabs (y * x) <= q ^ n * Y * (q ^ m * X)) by (rewrite Rabs_mult; apply Rmult_le_compat; auto using Rabs_pos).
  pose proof (Rmult_le_compat_l q _ _ (Rle_trans _ _ _ Rle_0_1 q_ge1) H); pose proof (Rmult_le_compat_r k _ _ Hk (qd_ge1 (m + n + 1))).
  rewrite !pow_add, pow_1 in *; lra.
Qed.

Theorem directed_sizes t a b : kernel_d t a b -> Rabs a <= q ^ steps t * AU t /\ Rabs b <= q ^ steps t * BU t.
Proof.
  assert (Z0 : forall n, on n 0 = 0) by (intros [|n]; reflexivity).
  assert (N : forall l r a1 b1 a2 b2 a b, kernel_d l a1 b1 -> kernel_d r a2 b2 ->
    Rabs a1 <= q ^ steps l * AU l /\ Rabs b1 <= q ^ steps l * BU l -> Rabs a2 <= q ^ steps r * AU r /\ Rabs b2 <= q ^ steps r * BU r ->
    opd (a2 * a1) a -> (exists p, opd (a2 * b1) p /\ opd (p + b2) b) \/ opd (a2 * b1 + b2) b ->
    Rabs a <= q ^ steps (Node l r) * AU (Node l r) /\ Rabs b <= q ^ steps (Node l r) * BU (Node l r)).
  { clear t a b; intros l r a1 b1 a2 b2 a b K1 K2 [A1 B1] [A2 B2] Oa Ob.
    destruct (directed_ev _ _ _ _ _ _ _ K1) as (_ & _ & _ & Zl); destruct (directed_ev _ _ _ _ _ _ _ K2) as (_ & _ & Fr & _).
    rewrite steps_node; cbn [RoundingModel.AU RoundingModel.BU]; rewrite Z0, Rplus_0_r.
    pose proof eta_pos as He; pose proof (AUd l); pose proof (AUd r); pose proof (BUd l); pose proof (BUd r) as Hr.
    pose proof (Rmult_le_pos _ _ (AUd r) (AUd l)); pose proof (Rmult_le_pos _ _ (AUd r) (BUd l)); pose proof (on_pos (tz l) eta He) as Hz.
    split.
    - apply Rle_trans with (1 := product_grows_d _ _ _ _ _ _ _ _ (opd_grows _ _ Oa) He A1 A2), qd_mono; [lia|lra].
    - assert (Sum : forall P, Rabs b <= q * (P + Rabs b2) -> P <= q ^ (steps l + steps r + 1) * (AU r * BU l + on (tz l) eta) ->
        Rabs b <= q ^ (steps l + steps r + 2) * (AU r * BU l + on (tz l) eta + BU r)).
      { intros P HP HQ; apply Rle_trans with (1 := HP).
        pose proof (Rle_trans _ _ _ B2 (qd_mono (steps r) (steps l + steps r + 1) _ ltac:(lia) Hr)).
        replace (q ^ (steps l + steps r + 2)) with (q * q ^ (steps l + steps r + 1)) by (replace (steps l + steps r + 2)%nat with (1 + (steps l + steps r + 1))%nat by lia; reflexivity).
        rewrite Rmult_assoc; apply Rmult_le_compat_l; [pose proof q_ge1; lra|lra]. }
      destruct (Nat.eq_dec (tz l) 0) as [Z|Z].
      + rewrite (Zl Z), Rmult_0_r in Ob; rewrite Z in *; simpl on in *.
        apply (Sum 0); [|rewrite Rplus_0_r; apply Rmult_le_pos; [pose proof (qd_ge1 (steps l + steps r + 1)); lra|assumption]].
        rewrite <- Rabs_R0; apply opd_sum_grows; [apply format_0|exact Fr|].
        destruct Ob as [(p & Op & Ob) | Ob]; [rewrite (opd_0 _ _ _ _ Op) in Ob|]; exact Ob.
      + rewrite on_nonzero in * by exact Z; destruct Ob as [(p & Op & Ob) | Ob].
        * apply (Sum (Rabs p)); [apply opd_sum_grows; [apply (opd_format _ _ _ _ _ Op)|exact Fr|exact Ob]|].
          apply product_grows_d with (1 := opd_grows _ _ Op); assumption.
        * pose proof (opd_grows _ _ Ob) as G; pose proof (Rabs_triang (a2 * b1) b2) as T.
          pose proof (Rmult_le_compat_l q _ _ (Rle_trans _ _ _ Rle_0_1 q_ge1) T).
          assert (X : Rabs (a2 * b1) <= q ^ (steps l + steps r) * (AU r * BU l)).
          { rewrite Rabs_mult; apply Rle_trans with (q ^ steps r * AU r * (q ^ steps l * BU l)).
            - apply Rmult_le_compat; auto using Rabs_pos.
            - right; rewrite pow_add; ring. }
          pose proof (Rle_trans _ _ _ B2 (qd_mono (steps r) (steps l + steps r) _ ltac:(lia) Hr)) as Y.
          apply Rle_trans with (q ^ (steps l + steps r + 1) * (AU r * BU l + eta + BU r)); [|apply qd_mono; [lia|lra]].
          pose proof (Rmult_le_compat_r eta _ _ He (qd_ge1 (steps l + steps r + 1))).
          pose proof (Rmult_le_compat_l q _ _ (Rle_trans _ _ _ Rle_0_1 q_ge1) (Rplus_le_compat _ _ _ _ X Y)).
          rewrite (pow_add q (steps l + steps r)), pow_1 in *; lra. }
  induction 1 as [x a b Ha Hb | l r a1 b1 a2 b2 a p b K1 IH1 K2 IH2 Oa Op Ob | l r a1 b1 a2 b2 a b K1 IH1 K2 IH2 Oa Ob].
  - change (steps (Leaf x)) with 0%nat; rewrite pow_O, !Rmult_1_l; cbn [RoundingModel.AU RoundingModel.BU]; rewrite Z0, !Rplus_0_r.
    destruct Ha as [Ha _], Hb as [Hb _]; unfold allows_b in Hb; pose proof (la_ma x); pose proof (lb_mb x).
    pose proof (Rabs_triang (a - la x) (la x)); pose proof (Rabs_triang (b - lb x) (lb x)).
    replace (a - la x + la x) with a in * by ring; replace (b - lb x + lb x) with b in * by ring; lra.
  - apply (N _ _ _ _ _ _ _ _ K1 K2 IH1 IH2 Oa); left; exists p; split; assumption.
  - apply (N _ _ _ _ _ _ _ _ K1 K2 IH1 IH2 Oa); right; exact Ob.
Qed.

Theorem directed_cap t a b : kernel_d t a b ->
  Rabs (b - hx (lv t)) <= q ^ steps t * (Mh (lv t) + Uf eta 0 0 (lv t)) + Mb (lv t).
Proof.
  intros K; destruct (directed_sizes _ _ _ K) as [_ B].
  apply cap_of_sizes; [apply eta_pos|lra|apply (qn_pos w (w_pos prec))|exact B].
Qed.

(** Overflow, as [no_overflow]. *)
Theorem directed_no_overflow (L : list leaf) Smax A Om P t a b ys xs :
  (forall ys xs, L = ys ++ xs -> Sf xs <= Smax) -> Smax + INR (length L) * eta * Smax * A <= A -> 0 <= A ->
  (forall ys xs, L = ys ++ xs -> Mh xs + Uf eta 0 0 xs <= P) ->
  q ^ (2 * Nat.pred (length L)) * P <= Om -> q ^ (2 * Nat.pred (length L)) * A <= Om ->
  L = ys ++ lv t ++ xs -> kernel_d t a b -> Rabs b <= Om /\ (xs <> [] -> Rabs a <= Om).
Proof.
  intros HS HA A0 HM HP HAo E K; destruct (directed_sizes _ _ _ K) as [Ha Hb].
  assert (Hs : (steps t <= 2 * Nat.pred (length L))%nat) by (unfold steps; rewrite E, !app_length; lia).
  assert (Q : 0 <= q ^ (2 * Nat.pred (length L))) by (pose proof (qd_ge1 (2 * Nat.pred (length L))); lra); split.
  - apply Rle_trans with (1 := Hb), Rle_trans with (1 := qd_mono _ _ _ Hs (BUd t)), Rle_trans with (2 := HP), Rmult_le_compat_l; [exact Q|].
    apply Rle_trans with (1 := window_b eta 0 eta_pos (Rle_refl 0) t xs), (HM ys), E.
  - intros N; apply Rle_trans with (1 := Ha), Rle_trans with (1 := qd_mono _ _ _ Hs (AUd t)), Rle_trans with (2 := HAo), Rmult_le_compat_l; [exact Q|].
    apply (window_a eta eta_pos L Smax A HS HA A0 t ys xs N E).
Qed.
End Cap.
