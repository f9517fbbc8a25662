(** Windows: the majorants of any part of the leaves, for any kicks.

    Main results: [window_b]: the summand of a window is at most M̂ + Ũ at its end; [window_a]: the multiplier of a window is at most A
    where Smax + (t κ) Smax A <= A for Smax >= every S.
    Depends on: RoundingLists, RoundingModel, RoundingKicks. *)
From Coq Require Import Reals List Arith Lia Lra Psatz.
From Exactscan Require Import RoundingLists RoundingModel RoundingKicks.
Import ListNotations.
Open Scope R_scope.

Section Windows.
Variables km kp : R.
Hypothesis km0 : 0 <= km.
Hypothesis kp0 : 0 <= kp.
Notation AU := (AU km 0).
Notation BU := (BU km kp 0).
Notation Uf := (Uf km kp 0).

Lemma leaves_pos t : (0 < length (lv t))%nat.
Proof. apply lv_length. Qed.

Theorem window_b t older : BU t <= Mh (lv t ++ older) + Uf (lv t ++ older).
Proof.
  pose proof (Rle_refl 0) as H0.
  destruct older as [|x xs].
  - rewrite app_nil_r; destruct (kicks_prefix km kp 0 km0 kp0 H0 t) as ((_ & H) & _); unfold RoundingKicks.Uf; lra.
  - assert (E : entering km kp 0 (x :: xs) 0 0 0).
    { split; [|split; [|]]; try (split; [lra|]).
      - rewrite !Rmult_0_l, !Rplus_0_r; apply Mh_pos.
      - apply kb_pos; assumption.
      - apply ka0_pos; assumption. }
    destruct (kicks_window km kp 0 km0 kp0 H0 t (x :: xs) 0 0 0 ltac:(discriminate) E) as ((_ & H) & Hb & Ha).
    rewrite Rmult_0_r, !Rplus_0_l in *; unfold RoundingKicks.Uf.
    set (l := lv t ++ x :: xs) in *; pose proof (Sf_ge1 l); destruct (XG_pos km kp 0 H0 l) as [HX _].
    pose proof (Rmult_le_compat_r (Sf l) _ _ ltac:(lra) (proj2 Hb)).
    pose proof (Rmult_le_compat_r (Xf km kp 0 l) _ _ HX (proj2 Ha)); lra.
Qed.

(** [L] is all leaves up to t; [Smax] at least every S. *)
Variables (L : list leaf) (Smax A : R).
Hypothesis all_S : forall ys xs, L = ys ++ xs -> Sf xs <= Smax.
Hypothesis A_large : Smax + INR (length L) * km * Smax * A <= A.
Hypothesis A_pos : 0 <= A.

Definition entering_a xs j z := 0 <= z <= Sf xs + INR j * km * Sf xs * A.

Lemma entering_a_le ys xs j z : L = ys ++ xs -> (j <= length L)%nat -> entering_a xs j z -> z <= A.
Proof.
  intros E Hj [_ Hz]; apply Rle_trans with (1 := Hz), Rle_trans with (2 := A_large).
  pose proof (all_S ys xs E) as HS; pose proof (Sf_ge1 xs) as H1.
  apply Rplus_le_compat; [exact HS|]; apply Rmult_le_compat_r; [exact A_pos|].
  apply Rmult_le_compat; [| | |exact HS]; try lra.
  - apply Rmult_le_pos; [apply pos_INR|assumption].
  - apply Rmult_le_compat_r; [assumption|apply le_INR; exact Hj].
Qed.

Lemma window_a_step t : forall ys xs j z, xs <> [] -> L = ys ++ lv t ++ xs ->
  (j + Nat.pred (length (lv t)) <= length L)%nat -> entering_a xs j z ->
  entering_a (lv t ++ xs) (j + Nat.pred (length (lv t))) (AU t * z).
Proof.
    induction t as [x|l IHl r IHr]; intros ys xs j z N E Hj Hz.
  - cbn [lv RoundingModel.AU app length Nat.pred]; rewrite Rplus_0_r, Nat.add_0_r.
    pose proof (Sf_step x xs N) as HS; pose proof (lA_pos x) as HA; destruct Hz as [Hz0 Hz]; split.
    + apply Rmult_le_pos; assumption.
    + pose proof (Rmult_le_compat_l _ _ _ HA Hz).
      assert (HjA : 0 <= INR j * km * A).
      { apply Rmult_le_pos; [apply Rmult_le_pos; [apply pos_INR|exact km0]|exact A_pos]. }
      pose proof (Rmult_le_compat_l _ _ _ HjA HS); lra.
  - cbn [lv] in *; rewrite <- app_assoc in *; rewrite app_length in *.
    pose proof (leaves_pos l) as Ll; pose proof (leaves_pos r) as Lr.
    assert (HzA : z <= A).
    { apply (entering_a_le (ys ++ lv r ++ lv l) xs j z); [rewrite <- !app_assoc; exact E|lia|exact Hz]. }
    destruct Hz as [Hz0 Hz].
    assert (Hl : entering_a (lv l ++ xs) (j + Nat.pred (length (lv l))) (AU l * z)).
    { apply (IHl (ys ++ lv r)); [exact N|rewrite <- app_assoc; exact E|lia|split; assumption]. }
    assert (Hr : entering_a (lv r ++ lv l ++ xs) (j + Nat.pred (length (lv l)) + Nat.pred (length (lv r))) (AU r * (AU l * z))).
    { apply (IHr ys); [apply app_nonempty|exact E|lia|exact Hl]. }
    destruct Hr as [Hr0 Hr]; set (ls := lv r ++ lv l ++ xs) in *; pose proof (Sf_ge1 ls) as HS.
    replace (j + Nat.pred (length (lv r) + length (lv l)))%nat
      with (j + Nat.pred (length (lv l)) + Nat.pred (length (lv r)) + 1)%nat by lia.
    cbn [RoundingModel.AU]; unfold entering_a; rewrite plus_INR; simpl (INR 1).
    pose proof (Rmult_le_pos _ _ km0 Hz0); pose proof (Rmult_le_compat_l _ _ _ km0 HzA).
    pose proof (Rmult_le_compat_l (km * A) _ _ ltac:(apply Rmult_le_pos; assumption) HS); lra.
Qed.

Theorem window_a t : forall ys xs, xs <> [] -> L = ys ++ lv t ++ xs -> AU t <= A.
Proof.
  intros ys xs N E; assert (HL : (length (lv t) <= length L)%nat) by (rewrite E, !app_length; lia).
  assert (E1 : entering_a xs 0 1).
  { split; [lra|]; simpl INR; rewrite !Rmult_0_l, Rplus_0_r; apply Sf_ge1. }
  assert (Hj : (0 + Nat.pred (length (lv t)) <= length L)%nat) by lia.
  pose proof (window_a_step t ys xs 0 1 N E Hj E1) as W; rewrite Rmult_1_r in W.
  apply (entering_a_le ys (lv t ++ xs) (0 + Nat.pred (length (lv t))) _ E); [lia|exact W].
Qed.
End Windows.
