(** Complex scans, norm-wise: what the deviation of any bracketing is made of.

    Main results: [complex_ev_A], [complex_ev_B], [complex_ev_C], the counterparts of RoundingTree.v. The sizes are those of the
    tree of moduli, so all that is proved of them (absorption, windows, kicks) holds here; only the values are complex.
    [w]: relative error of a product; [va]: of a sum, which may cost twice what a real sum costs.
    Depends on: RoundingLists, RoundingModel, RoundingTree (inequalities), Coquelicot. *)
From Coq Require Import Reals List Arith Lia Lra Psatz.
From Coquelicot Require Import Complex.
From Exactscan Require Import RoundingLists RoundingModel RoundingTree.
Import ListNotations.
Open Scope R_scope.

(** As [leaf]: exact, what is known of the moduli, these with allowances. *)
Record cleaf := CLeaf_data {
  ca : C; cb : C; cma : R; cmb : R; cA : R; cB : R; cz : bool;
  ca_cma : Cmod ca <= cma;
  cb_cmb : Cmod cb <= cmb;
  cma_le : cma <= cA;
  cmb_le : cmb <= cB;
  cz_zero : cz = false -> cB = 0 }.

Lemma modulus_le z X : Cmod z <= X -> Rabs (Cmod z) <= X.
Proof. rewrite Rabs_pos_eq; [auto|apply Cmod_ge_0]. Qed.

(** The leaf of moduli; every multiplier costs roundings. *)
Definition modulus x :=
  Leaf_data (Cmod (ca x)) (Cmod (cb x)) (cma x) (cmb x) (cA x) (cB x) true (cz x)
    (modulus_le _ _ (ca_cma x)) (modulus_le _ _ (cb_cmb x)) (cma_le x) (cmb_le x) (cz_zero x).

Inductive ctree := CLeaf (x : cleaf) | CNode (earlier later : ctree).
Fixpoint clv t := match t with CLeaf x => [x] | CNode l r => clv r ++ clv l end.
Fixpoint moduli t := match t with CLeaf x => Leaf (modulus x) | CNode l r => Node (moduli l) (moduli r) end.

(** The exact values. *)
Fixpoint cPA (l : list cleaf) : C := match l with [] => RtoC 1 | x :: xs => Cmult (ca x) (cPA xs) end.
Fixpoint chx (l : list cleaf) : C := match l with [] => RtoC 0 | x :: xs => Cplus (Cmult (ca x) (chx xs)) (cb x) end.

Lemma lv_moduli t : lv (moduli t) = map modulus (clv t).
Proof. induction t as [x|l IHl r IHr]; simpl; [reflexivity|rewrite IHl, IHr, map_app; reflexivity]. Qed.

Lemma cPA_app ys xs : cPA (ys ++ xs) = Cmult (cPA ys) (cPA xs).
Proof. induction ys as [|y ys IH]; simpl; [ring|rewrite IH; ring]. Qed.
Lemma chx_app ys xs : chx (ys ++ xs) = Cplus (Cmult (cPA ys) (chx xs)) (chx ys).
Proof. induction ys as [|y ys IH]; simpl; [ring|rewrite IH; ring]. Qed.

(** As [dom], for complex numbers. *)
Definition cdom (xh x : C) (XH X : R) := Cmod x <= X /\ Cmod (Cminus xh x) <= XH - X.

Lemma cdom_abs xh x XH X : cdom xh x XH X -> Cmod xh <= XH.
Proof.
  intros [H1 H2]; replace xh with (Cplus (Cminus xh x) x) by ring.
  pose proof (Cmod_triangle (Cminus xh x) x); lra.
Qed.
Lemma cdom_weaken xh x XH XH' X : cdom xh x XH X -> XH <= XH' -> cdom xh x XH' X.
Proof. intros [H1 H2]; split; lra. Qed.
Lemma cdom_mul xh x XH X yh y YH Y : cdom xh x XH X -> cdom yh y YH Y ->
  cdom (Cmult xh yh) (Cmult x y) (XH * YH) (X * Y).
Proof.
  intros Hx Hy; pose proof (cdom_abs _ _ _ _ Hy) as Ay.
  destruct Hx as [H1 H2], Hy as [H3 H4]; split.
  - rewrite Cmod_mult; apply Rmult_le_compat; auto using Cmod_ge_0.
  - replace (Cminus (Cmult xh yh) (Cmult x y)) with (Cplus (Cmult (Cminus xh x) yh) (Cmult x (Cminus yh y))) by ring.
    apply Rle_trans with (1 := Cmod_triangle _ _); rewrite !Cmod_mult.
    pose proof (Rmult_le_compat _ _ _ _ (Cmod_ge_0 _) (Cmod_ge_0 _) H2 Ay).
    pose proof (Rmult_le_compat _ _ _ _ (Cmod_ge_0 _) (Cmod_ge_0 _) H1 H4).
    replace (XH * YH - X * Y) with ((XH - X) * YH + X * (YH - Y)) by ring; lra.
Qed.
Lemma cdom_add xh x XH X yh y YH Y : cdom xh x XH X -> cdom yh y YH Y ->
  cdom (Cplus xh yh) (Cplus x y) (XH + YH) (X + Y).
Proof.
  intros [H1 H2] [H3 H4]; split.
  - pose proof (Cmod_triangle x y); lra.
  - replace (Cminus (Cplus xh yh) (Cplus x y)) with (Cplus (Cminus xh x) (Cminus yh y)) by ring.
    pose proof (Cmod_triangle (Cminus xh x) (Cminus yh y)); lra.
Qed.
(** One more error of at most k. *)
Lemma cdom_err xh x XH X r k : cdom xh x XH X -> Cmod (Cminus r xh) <= k -> cdom r x (XH + k) X.
Proof.
  intros [H1 H2] He; split; [exact H1|].
  replace (Cminus r x) with (Cplus (Cminus xh x) (Cminus r xh)) by ring.
  pose proof (Cmod_triangle (Cminus xh x) (Cminus r xh)); lra.
Qed.

Section Invariants.
Variables w va km kp : R.
Hypothesis w0 : 0 <= w.
Hypothesis va0 : 0 <= va.
Hypothesis km0 : 0 <= km.
Hypothesis kp0 : 0 <= kp.
Let k00 : 0 <= 0 := Rle_refl 0.
Notation q := (q w).
Notation qa := (1 + 2 * va).
Notation AU t := (AU km 0 (moduli t)).
Notation BU t := (BU km kp 0 (moduli t)).
Notation D t := (D km kp 0 (moduli t)).
Notation DA t := (DA km 0 (moduli t)).
Notation V t := (V va km kp 0 (moduli t)).
Notation tz t := (tz (moduli t)).
Notation tm t := (tm (moduli t)).
Notation lv t := (lv (moduli t)).

(** The size of the later summand as the sum meets it: its value, or for a leaf that is fused into the sum no more than its allowance. *)
Definition csize_of r (b2 : C) (c2 : R) := c2 = Cmod b2 \/ exists x, r = CLeaf x /\ 0 <= c2 <= cB x.

(** [c]: what the sum loses. *)
Inductive cev : ctree -> C -> C -> Prop :=
| cev_leaf x a b :
    Cmod (Cminus a (ca x)) <= cA x - cma x ->
    Cmod (Cminus b (cb x)) <= cB x - cmb x -> cev (CLeaf x) a b
| cev_node l r a1 b1 a2 b2 c2 a b c :
    cev l a1 b1 -> cev r a2 b2 ->
    Cmod (Cminus a (Cmult a2 a1)) <= w * Cmod (Cmult a2 a1) + km ->
    let x := (1 + w) * Cmod (Cmult a2 b1) + on (tz l) km in
    Cmod (Cminus b (Cplus (Cmult a2 b1) b2))
      <= w * Cmod (Cmult a2 b1) + on (tz l) km + 2 * c + on (tz l + tz r) kp ->
    csize_of r b2 c2 -> c <= va * (x + c2) -> c <= x -> c <= c2 ->
    cev (CNode l r) a b.

Lemma tm_pos t : (0 < tm t)%nat.
Proof. induction t as [x|l IHl r IHr]; simpl; [unfold RoundingModel.tm; simpl; lia|rewrite tm_node; lia]. Qed.

Theorem complex_ev_A t a b : cev t a b -> cdom a (cPA (clv t)) (q ^ pred (tm t) * AU t) (PR (lv t)).
Proof.
  induction 1 as [x a b Ha Hb | l r a1 b1 a2 b2 c2 a b c E1 IH1 E2 IH2 Hna X Hnb Hs Hc1 Hc2 Hc3].
  - simpl; rewrite Rmult_1_l, Rmult_1_r, Rplus_0_r.
    replace (Cmult (ca x) (RtoC 1)) with (ca x) by ring; split; [apply ca_cma|exact Ha].
  - cbn [clv moduli RoundingModel.lv]; rewrite cPA_app, PR_app.
    pose proof (cdom_mul _ _ _ _ _ _ _ _ IH2 IH1) as M; pose proof (cdom_abs _ _ _ _ M) as S.
    eapply cdom_weaken; [apply cdom_err with (1 := M) (2 := Hna)|].
    cbn [RoundingModel.AU]; rewrite tm_node, Rmult_plus_distr_l, <- Rplus_assoc.
    pose proof (tm_pos l); pose proof (tm_pos r); apply Rplus_le_compat.
    + replace (pred (tm l + tm r)) with (1 + pred (tm r) + pred (tm l))%nat by lia.
      rewrite !pow_add, pow_1; unfold RoundingLists.q at 3; pose proof (Rmult_le_compat_l _ _ _ w0 S); lra.
    + rewrite <- (Rmult_1_l km) at 1; apply Rmult_le_compat_r; auto using qn_ge1.
Qed.

Lemma q_pred t : q ^ tm t = q * q ^ pred (tm t).
Proof. pose proof (tm_pos t); rewrite <- (Nat.succ_pred_pos (tm t)) at 1 by assumption; reflexivity. Qed.

Lemma product_csize r a2 b1 (k W : R) :
  cdom a2 (cPA (clv r)) (q ^ pred (tm r) * AU r) (PR (lv r)) -> Cmod b1 <= W ->
  (1 + w) * Cmod (Cmult a2 b1) + k <= q ^ tm r * AU r * W + k.
Proof.
  intros HA HB; apply Rplus_le_compat_r; rewrite Cmod_mult.
  rewrite q_pred.
  replace (q * q ^ pred (tm r) * AU r * W) with (q * (q ^ pred (tm r) * AU r * W)) by ring.
  apply Rmult_le_compat_l; [try (unfold RoundingLists.q); lra|]; apply Rmult_le_compat; auto using Cmod_ge_0; apply cdom_abs with (1 := HA).
Qed.

(** Everything in a node, with the error of the sum bounded by [E]. *)
Lemma node_cdom l r a2 b1 b2 b c W1 W2 :
  cdom a2 (cPA (clv r)) (q ^ pred (tm r) * AU r) (PR (lv r)) ->
  cdom b1 (chx (clv l)) W1 (Mb (lv l)) -> cdom b2 (chx (clv r)) W2 (Mb (lv r)) ->
  Cmod (Cminus b (Cplus (Cmult a2 b1) b2)) <= w * Cmod (Cmult a2 b1) + on (tz l) km + 2 * c + on (tz l + tz r) kp ->
  cdom b (chx (clv (CNode l r)))
      (q ^ tm r * AU r * W1 + on (tz l) km + W2 + 2 * c + on (tz l + tz r) kp) (Mb (lv (CNode l r))).
Proof.
  intros HA H1 H2 Hb; cbn [clv moduli RoundingModel.lv]; rewrite chx_app, Mb_app.
  assert (Hz : cdom (Cmult a2 b1) (Cmult (cPA (clv r)) (chx (clv l)))
    (q ^ tm r * AU r * W1 - w * Cmod (Cmult a2 b1)) (PR (lv r) * Mb (lv l))).
  { pose proof (cdom_mul _ _ _ _ _ _ _ _ HA H1) as M; pose proof (cdom_abs _ _ _ _ M) as S.
    eapply cdom_weaken; [exact M|].
    rewrite q_pred; unfold RoundingLists.q at 2; pose proof (Rmult_le_compat_l _ _ _ w0 S); lra. }
  eapply cdom_weaken; [apply cdom_err with (1 := cdom_add _ _ _ _ _ _ _ _ Hz H2) (2 := Hb)|lra].
Qed.

Lemma leaf_cdom x b n : Cmod (Cminus b (cb x)) <= cB x - cmb x ->
  cdom b (chx [x]) (Wm w (lv (CLeaf x)) + n * D (CLeaf x)) (Mb (lv (CLeaf x))).
Proof.
  intros Hb; unfold RoundingModel.D; simpl; rewrite !Rmult_0_r, !Rplus_0_l.
  replace (Cplus (Cmult (ca x) (RtoC 0)) (cb x)) with (cb x) by ring; split; [apply cb_cmb|].
  replace (on (bit (cz x)) 0) with 0 by (destruct (cz x); reflexivity).
  apply Rle_trans with (1 := Hb); right; ring.
Qed.

Lemma sum_csilent l r P W2 X c2 c : (tz l * tz r = 0)%nat ->
  (tz l = 0%nat -> P = 0) -> (tz r = 0%nat -> W2 = 0) -> X <= P -> c2 <= W2 -> c <= X -> c <= c2 -> c <= 0.
Proof.
  intros Z HP HW H1 H2 H3 H4; apply Nat.eq_mul_0 in Z; destruct Z as [Z|Z];
    [rewrite HP in H1 by exact Z|rewrite HW in H2 by exact Z]; lra.
Qed.

Lemma factor_cstep m s n : (bit s + m <= n)%nat -> (1 + (if s then 2 * va else 0)) * qa ^ m <= qa ^ n.
Proof.
  intros Hn; assert (H1 : 1 <= qa) by lra; apply Rle_trans with (qa ^ (bit s + m)); [|apply Rle_pow; assumption].
  rewrite pow_add; apply Rmult_le_compat_r; [apply pow_le; lra|destruct s; simpl; lra].
Qed.

Lemma qa_ge1 n : 1 <= qa ^ n. Proof. apply pow_R1_Rle; lra. Qed.
Lemma qa_pos n : 0 <= qa ^ n. Proof. pose proof (qa_ge1 n); lra. Qed.

Lemma csize_le_B r b2 c2 : csize_of r b2 c2 ->
  Cmod b2 <= qa ^ depth (moduli r) * Wm w (lv r) + q ^ tm r * qa ^ depth (moduli r) * D r ->
  c2 <= qa ^ depth (moduli r) * Wm w (lv r) + q ^ tm r * qa ^ depth (moduli r) * D r.
Proof.
  intros [-> | (x & -> & H)] Hb; [exact Hb|].
  pose proof (D_pos km kp 0 km0 kp0 k00 (moduli (CLeaf x))) as HD; pose proof (Rmult_le_pos _ _ (qn_pos w w0 (tm (CLeaf x))) HD).
  cbn [moduli depth RoundingModel.lv Wm] in *; rewrite Rmult_0_r, Rplus_0_l, pow_O, Rmult_1_l, Rmult_1_r; simpl lB; lra.
Qed.

(** Every rounding charged to the leaves below it. *)
Theorem complex_ev_B t a b : cev t a b ->
  cdom b (chx (clv t)) (qa ^ depth (moduli t) * Wm w (lv t) + q ^ tm t * qa ^ depth (moduli t) * D t) (Mb (lv t)).
Proof.
  induction 1 as [x a b Ha Hb | l r a1 b1 a2 b2 c2 a b c E1 IH1 E2 IH2 Hna X Hnb Hs Hc1 Hc2 Hc3].
  - cbn [moduli depth]; rewrite pow_O, Rmult_1_l; apply leaf_cdom, Hb.
  - pose proof (complex_ev_A _ _ _ E2) as HA.
    set (dl := depth (moduli l)) in *; set (dr := depth (moduli r)) in *.
    set (W1 := qa ^ dl * Wm w (lv l) + q ^ tm l * qa ^ dl * D l) in *.
    set (W2 := qa ^ dr * Wm w (lv r) + q ^ tm r * qa ^ dr * D r) in *.
    set (s := negb (tz l * tz r =? 0)).
    set (P := q ^ tm r * AU r * W1 + on (tz l) km).
    assert (HX : X <= P) by (apply product_csize; [exact HA|apply cdom_abs with (1 := IH1)]).
    assert (Hb2 : c2 <= W2) by apply (csize_le_B r b2 c2 Hs (cdom_abs _ _ _ _ IH2)).
    assert (He : 2 * c <= (if s then 2 * va else 0) * (P + W2)).
    { unfold s; destruct (Nat.eqb_spec (tz l * tz r) 0) as [Z|Z]; simpl negb; cbv iota.
      - rewrite Rmult_0_l; enough (c <= 0) by lra; apply (sum_csilent l r P W2 X c2 c); auto; intros Z1;
          destruct (tz_zero w km kp 0 _ Z1) as (_ & Z2 & _ & Z3 & _); unfold P, W1, W2; rewrite Z2, Z3, ?Z1; simpl; ring.
      - pose proof (Rmult_le_compat_l va _ _ va0 (Rplus_le_compat _ _ _ _ HX Hb2)); lra. }
    eapply cdom_weaken; [apply node_cdom with (1 := HA) (2 := IH1) (3 := IH2) (4 := Hnb)|].
    cbn [moduli]; rewrite (D_node km kp 0); cbn [RoundingModel.lv]; rewrite Wm_app, tm_node.
    set (d := depth (Node (moduli l) (moduli r))).
    assert (Hd : d = (Nat.max dl dr + bit s)%nat) by reflexivity.
    apply Rle_trans with ((1 + (if s then 2 * va else 0)) * (q ^ tm r * (PH (lv r) + DA r) *
        (qa ^ dl * Wm w (lv l) + q ^ tm l * qa ^ dl * D l) + on (tz l) km
        + qa ^ dr * Wm w (lv r) + q ^ tm r * qa ^ dr * D r) + on (tz l + tz r) kp).
    { replace (PH (lv r) + DA r) with (AU r) by (unfold RoundingModel.DA; ring).
      fold W1; unfold P, W2 in He; unfold W2; lra. }
    eapply Rle_trans; [apply node_arith_B with (d := qa ^ d) (Ml := Mh (lv l))|];
      auto using PH_pos, DA_pos, Wm_pos, D_pos, on_pos, Mh_pos, qn_ge1, qn_pos, Wm_le, qa_ge1, qa_pos.
    + destruct s; lra.
    + apply factor_cstep; rewrite Hd; lia.
    + apply factor_cstep; rewrite Hd; lia.
    + rewrite <- (Rmult_1_r (1 + _)); change 1 with (qa ^ 0) at 2; apply factor_cstep; rewrite Hd; lia.
    + apply (Wm_le w w0).
    + right; unfold RoundingModel.tm; rewrite !pow_add; ring.
Qed.

Definition Qc t := q ^ tm t * qa ^ pred (tz t).

Lemma Qc_ge1 t : 1 <= Qc t.
Proof.
  pose proof (Rmult_le_compat 1 _ 1 _ Rle_0_1 Rle_0_1 (qn_ge1 w w0 (tm t)) (qa_ge1 (pred (tz t)))); unfold Qc; lra.
Qed.

Lemma cev_bound t a b : cev t a b -> Cmod b <= Qc t * BU t.
Proof.
  intros E; pose proof (cdom_abs _ _ _ _ (complex_ev_B _ _ _ E)) as Hb; apply Rle_trans with (1 := Hb); unfold Qc.
  destruct (Nat.eq_dec (tz t) 0) as [Z|Z].
  - destruct (tz_zero w km kp 0 _ Z) as (Z1 & Z2 & _ & Z3 & _); rewrite Z1, Z2, Z3; lra.
  - assert (H : qa ^ depth (moduli t) <= qa ^ pred (tz t)) by (apply Rle_pow; [lra|apply depth_le]).
    pose proof (Wm_le w w0 (lv t)) as HW.
    replace (BU t) with (Mh (lv t) + D t) by (unfold RoundingModel.D; ring).
    pose proof (Rmult_le_compat _ _ _ _ (qa_pos (depth (moduli t))) (Wm_pos w w0 (lv t)) H HW).
    pose proof (D_pos km kp 0 km0 kp0 k00 (moduli t)) as HD.
    pose proof (Rmult_le_compat_r (q ^ tm t * D t) _ _ ltac:(auto using Rmult_le_pos, qn_pos) H).
    unfold RoundingModel.tm in *; lra.
Qed.

(** The sums' errors kept apart: multiplications alone, plus twice the absorption costs. *)
Theorem complex_ev_C t a b : cev t a b ->
  cdom b (chx (clv t)) (Wm w (lv t) + Qc t * (2 * V t + D t)) (Mb (lv t)).
Proof.
  induction 1 as [x a b Ha Hb | l r a1 b1 a2 b2 c2 a b c E1 IH1 E2 IH2 Hna X Hnb Hs Hc1 Hc2 Hc3].
  - cbn [moduli RoundingModel.V]; rewrite Rmult_0_r, Rplus_0_l; apply (leaf_cdom x b (Qc (CLeaf x)) Hb).
  - pose proof (complex_ev_A _ _ _ E2) as HA.
    pose proof (cev_bound _ _ _ E1) as B1; pose proof (cev_bound _ _ _ E2) as B2.
    set (cost := Rmin (va * RoundingModel.BU km kp 0 (Node (moduli l) (moduli r))) (Rmin (AU r * BU l + on (tz l) km) (BU r))).
    set (Q := Qc (CNode l r)).
    assert (HQ1 : 1 <= Q) by apply Qc_ge1.
    assert (Hn : forall m n m' n', (m <= m')%nat -> (n <= n')%nat -> q ^ m * qa ^ n <= q ^ m' * qa ^ n').
    { intros m n m' n' Hm Hnn; apply Rmult_le_compat; [apply (qn_pos w w0)|apply qa_pos|apply (qn_le w w0), Hm|].
      apply Rle_pow; [lra|exact Hnn]. }
    assert (HQl : q ^ tm r * Qc l <= Q).
    { unfold Q, Qc; rewrite <- Rmult_assoc, <- pow_add; cbn [moduli]; apply Hn; rewrite ?tm_node, ?tz_node; lia. }
    assert (HQr : Qc r <= Q).
    { unfold Q, Qc; cbn [moduli]; apply Hn; rewrite ?tm_node, ?tz_node; lia. }
    assert (HQm : q ^ tm r * q ^ tm l <= Q).
    { pose proof (Hn (tm r + tm l)%nat 0%nat (tm (CNode l r)) (pred (tz (CNode l r)))) as H.
      rewrite pow_O, Rmult_1_r, pow_add in H; apply H; [cbn [moduli]; rewrite tm_node|]; lia. }
    assert (Hx : X <= Q * (AU r * BU l + on (tz l) km)).
    { apply Rle_trans with (1 := product_csize r a2 b1 (on (tz l) km) _ HA B1).
      pose proof (Rmult_le_compat_r (AU r * BU l) _ _ ltac:(auto using Rmult_le_pos, AU_pos, BU_pos) HQl).
      pose proof (Rmult_le_compat_r (on (tz l) km) _ _ (on_pos _ _ km0) HQ1); lra. }
    assert (Hy : c2 <= Q * BU r).
    { destruct Hs as [-> | (x & -> & Hc)].
      - apply Rle_trans with (1 := B2), Rmult_le_compat_r; auto using BU_pos.
      - pose proof (BU_pos km kp 0 km0 kp0 k00 (moduli (CLeaf x))) as HB; pose proof (Rmult_le_compat_r _ _ _ HB HQ1).
        pose proof (on_pos (bit (cz x)) 0 k00); simpl in *; lra. }
    assert (He : c <= Q * cost).
    { unfold cost; pose proof (Rmult_le_compat_l va _ _ va0 (Rplus_le_compat _ _ _ _ Hx Hy)).
      assert (0 <= Q * (va * on (tz l + tz r) kp)) by (apply Rmult_le_pos; [lra|apply Rmult_le_pos; auto using on_pos]).
      cbn [moduli RoundingModel.BU]; unfold Rmin; repeat destruct Rle_dec; lra. }
    eapply cdom_weaken; [apply node_cdom with (1 := HA) (2 := IH1) (3 := IH2) (4 := Hnb)|].
    cbn [moduli]; rewrite (D_node km kp 0); cbn [RoundingModel.V]; fold cost; fold Q; cbn [RoundingModel.lv]; rewrite Wm_app.
    replace (AU r) with (PH (lv r) + DA r) by (unfold RoundingModel.DA; ring).
    apply Rle_trans with (q ^ tm r * (PH (lv r) + DA r) * (Wm w (lv l) + Qc l * (2 * V l + D l)) + on (tz l) km
        + (Wm w (lv r) + Qc r * (2 * V r + D r)) + Q * (2 * cost) + on (tz l + tz r) kp); [lra|].
    eapply Rle_trans; [apply node_arith_C with (y := q ^ tm l) (Ml := Mh (lv l))|];
      auto using PH_pos, DA_pos, Wm_pos, D_pos, V_pos, on_pos, Mh_pos, (qn_pos w w0).
    + apply Rmult_le_pos; [lra|apply V_pos; auto].
    + apply Rmult_le_pos; [lra|apply V_pos; auto].
    + apply (Wm_le w w0).
    + right; unfold RoundingModel.tm; ring.
Qed.
End Invariants.
