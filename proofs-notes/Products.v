(** Products of several inexact factors, in any association, and the gate.

    Main results: [product_any_order]: m factors, m - 1 products, kicks included; [gate_rule]: y z sigma(z) in any association,
    given the relative error of sigma.
    Depends on: RoundingIEEE, RoundingModel (pairs of size and deviation), Calculus (one operation's error). *)
From Coq Require Import Reals ZArith Lia Lra Psatz.
From Flocq Require Import Core.
From Exactscan Require Import RoundingModel RoundingIEEE Calculus.
Open Scope R_scope.

(** x: exact, m >= |x|, e >= |computed - x|. *)
Inductive ptree := Factor (x m e : R) | Times (l r : ptree).
Fixpoint value t := match t with Factor x _ _ => x | Times l r => value l * value r end.
Fixpoint magnitude t := match t with Factor _ m _ => m | Times l r => magnitude l * magnitude r end.
Fixpoint reach t := match t with Factor _ m e => m + e | Times l r => reach l * reach r end.
(** No product of some of the factors is larger. *)
Fixpoint reach1 t := match t with Factor _ m e => Rmax 1 (m + e) | Times l r => reach1 l * reach1 r end.
Fixpoint products t := match t with Factor _ _ _ => 0%nat | Times l r => (products l + products r + 1)%nat end.

Section Products.
Variables (prec emin : Z) (choice : Z -> bool) (ftz : bool).
Context {prec_pos : Prec_gt_0 prec}.
Notation op := (op prec emin choice ftz).
Notation v := (v prec).
Notation km := (kmul prec emin ftz).
Notation q := (1 + v).

Inductive multiplied : ptree -> R -> Prop :=
| multiplied_factor x m e xh : Rabs x <= m -> Rabs (xh - x) <= e -> multiplied (Factor x m e) xh
| multiplied_times l r a b c : multiplied l a -> multiplied r b -> op (a * b) c -> multiplied (Times l r) c.

Lemma powers_ge1 x n : 0 <= x -> 1 <= (1 + x) ^ n.
Proof. intros; apply pow_R1_Rle; lra. Qed.

Lemma reach_pos t c : multiplied t c -> 0 <= reach t <= reach1 t /\ 1 <= reach1 t.
Proof.
  induction 1 as [x m e xh Hx He | l r a b c _ [Hl Hl1] _ [Hr Hr1] _]; simpl.
  - pose proof (Rabs_pos x); pose proof (Rabs_pos (xh - x)); pose proof (Rmax_l 1 (m + e)); pose proof (Rmax_r 1 (m + e)); lra.
  - pose proof (Rmult_le_pos _ _ (proj1 Hl) (proj1 Hr)).
    pose proof (Rmult_le_compat _ _ _ _ (proj1 Hl) (proj1 Hr) (proj2 Hl) (proj2 Hr)).
    pose proof (Rmult_le_compat _ _ _ _ Rle_0_1 Rle_0_1 Hl1 Hr1); lra.
Qed.

Definition kicked t := reach t + ((1 + km) ^ products t - 1) * reach1 t.

Lemma multiplied_dom t c : multiplied t c -> dom c (value t) (q ^ products t * kicked t) (magnitude t).
Proof.
  pose proof (v_pos prec) as Hv; pose proof (kmul_pos prec emin ftz) as Hk.
  induction 1 as [x m e xh Hx He | l r a b c Ml IHl Mr IHr O].
  - unfold kicked; simpl; split; lra.
  - destruct (product_loss _ _ _ _ _ _ O) as (d & k & -> & Hd & Hkk).
    destruct (reach_pos _ _ Ml) as [[L0 L1] L2]; destruct (reach_pos _ _ Mr) as [[R0 R1] R2].
    eapply dom_weaken; [apply dom_err with (k := km), Hkk; apply dom_rnd with (v := v), Hd; apply dom_mul; eassumption|].
    pose proof (powers_ge1 v (products l + products r + 1) Hv) as Q1.
    apply Rle_trans with (q ^ (products l + products r + 1) * (kicked l * kicked r + km)).
    { rewrite Rmult_plus_distr_l; apply Rplus_le_compat.
      - right; rewrite !pow_add, pow_1; ring.
      - pose proof (Rmult_le_compat_r _ _ _ Hk Q1); lra. }
    apply Rmult_le_compat_l; [simpl products; lra|].
    unfold kicked; cbn [reach reach1 products].
    pose proof (powers_ge1 km (products l) Hk) as Pl; pose proof (powers_ge1 km (products r) Hk) as Pr.
    rewrite !pow_add, pow_1; set (x := (1 + km) ^ products l) in *; set (y := (1 + km) ^ products r) in *.
    clearbody x y; set (Sl := reach l) in *; set (Sr := reach r) in *; set (Bl := reach1 l) in *; set (Br := reach1 r) in *.
    clearbody Sl Sr Bl Br.
    assert (B1 : 1 <= Bl * Br) by (pose proof (Rmult_le_compat _ _ _ _ Rle_0_1 Rle_0_1 L2 R2); lra).
    pose proof (Rmult_le_compat_r ((y - 1) * Br) _ _ ltac:(apply Rmult_le_pos; lra) L1).
    pose proof (Rmult_le_compat_r ((x - 1) * Bl) _ _ ltac:(apply Rmult_le_pos; lra) R1).
    assert (X1 : 1 <= x * y) by (pose proof (Rmult_le_compat _ _ _ _ Rle_0_1 Rle_0_1 Pl Pr); lra).
    assert (km * 1 <= km * (x * y * (Bl * Br))).
    { apply Rmult_le_compat_l; [exact Hk|]; pose proof (Rmult_le_compat _ _ _ _ Rle_0_1 Rle_0_1 X1 B1); lra. }
    lra.
Qed.

(** The second bound holds whatever underflows: one rounding at most doubles, or makes 0. *)
Lemma multiplied_capped t c : multiplied t c -> dom c (value t) ((2 + v) ^ products t * reach t) (magnitude t).
Proof.
  pose proof (v_pos prec) as Hv; induction 1 as [x m e xh Hx He | l r a b c Ml IHl Mr IHr O].
  - simpl; split; lra.
  - pose proof (dom_mul _ _ _ _ _ _ _ _ IHl IHr) as M; pose proof (dom_abs _ _ _ _ M) as S.
    replace c with (a * b + (c - a * b)) by ring; eapply dom_weaken; [apply dom_err with (1 := M)|].
    + apply Rle_trans with (1 := op_error prec emin choice ftz _ _ O).
      apply Rplus_le_compat; [apply Rmult_le_compat_l; [exact Hv|exact S]|].
      apply Rle_trans with (1 := Rmin_r _ _); exact S.
    + simpl reach; simpl products; rewrite !pow_add, pow_1; right; ring.
Qed.

Theorem product_any_order t c : multiplied t c ->
  Rabs (c - value t) <= q ^ products t * reach t - magnitude t + q ^ products t * (((1 + km) ^ products t - 1) * reach1 t) /\
  Rabs (c - value t) <= (2 + v) ^ products t * reach t - magnitude t.
Proof.
  intros H; destruct (multiplied_dom _ _ H) as [_ D1]; destruct (multiplied_capped _ _ H) as [_ D2]; unfold kicked in D1; split; lra.
Qed.

(** The factors of a gate: y inexact, z exact, sigma with relative error rho. *)
Inductive gate y ey z s rho : ptree -> Prop :=
| gate_left : gate y ey z s rho (Times (Times (Factor y (Rabs y) ey) (Factor z (Rabs z) 0)) (Factor s s (rho * s)))
| gate_middle : gate y ey z s rho (Times (Times (Factor y (Rabs y) ey) (Factor s s (rho * s))) (Factor z (Rabs z) 0))
| gate_right : gate y ey z s rho (Times (Factor y (Rabs y) ey) (Times (Factor z (Rabs z) 0) (Factor s s (rho * s)))).

Theorem gate_rule y ey z s rho t c : gate y ey z s rho t -> multiplied t c ->
  let X := q ^ 2 * (1 + rho) in
  Rabs (c - y * z * s) <= Rabs (y * z) * s * (X - 1) + ey * (Rabs z * s) * X
    + q ^ 2 * (((1 + km) ^ 2 - 1) * (Rmax 1 (Rabs y + ey) * Rmax 1 (Rabs z) * Rmax 1 (s * (1 + rho)))).
Proof.
  intros G M X; destruct (product_any_order t c M) as [B _].
  rewrite Rabs_mult; unfold X.
  assert (E : value t = y * z * s) by (destruct G; simpl; ring); rewrite E in B.
  apply Rle_trans with (1 := B); right.
  destruct G; cbn [value reach reach1 magnitude products Nat.add]; rewrite Rplus_0_r; replace (s + rho * s) with (s * (1 + rho)) by ring; ring.
Qed.
End Products.
