(** Formulas with underflow: products in order.

    Main results: [in_order_excess]: where each product multiplies by one further multiplier, in the order of time, kicks amount to at most
    e_t + t κ S_t, with e_t = A_t e_(t-1) + t κ_x: t products can underflow at step t, one for each earlier leaf;
    [in_order_unambiguous]; [sequential_in_order], [quadratic_in_order]: the recurrence and the quadratic form are such formulas.
    Products of multipliers among themselves are not bounded here.
    Depends on: Formulas, FormulasScan, FormulasFloat (the recurrence as a formula). *)
From Coq Require Import Reals List Arith Lia Lra Psatz Permutation.
From Exactscan Require Import Formulas FormulasScan FormulasFloat.
Import ListNotations.
Open Scope R_scope.

(** Each product is by one multiplier. *)
Fixpoint single y :=
  match y with BVar _ => True | BMul (AVar _) y => single y | BMul _ _ => False | BAdd x y => single x /\ single y end.
(** A term b_s is multiplied by a_(s+1), then by a_(s+2), up to a_t. *)
Definition in_order t y :=
  single y /\ Permutation (terms y) (map (fun s => (rev (seq (S s) (t - s)), s)) (seq 0 (S t))).

Theorem in_order_unambiguous t y : in_order t y -> unambiguous t y.
Proof.
  intros [_ P]; exists (fun s => rev (seq (S s) (t - s))); split; [|exact P].
  intros s _; apply Permutation_sym, Permutation_rev.
Qed.

Section Kicks.
Variables km kp : R.
Hypothesis km0 : 0 <= km.
Hypothesis kp0 : 0 <= kp.
Variables a aH b bH : nat -> R.
Hypothesis a_le : forall i, Rabs (a i) <= aH i.
Hypothesis b_le : forall s, Rabs (b s) <= bH s.
Notation D := (D km kp aH bH).

(** The last multiplier first. *)
Fixpoint chain l := match l with [] => 0 | i :: l => aH i * chain l + km end.
Fixpoint largest l := match l with [] => 1 | i :: l => Rmax 1 (aH i * largest l) end.

Lemma aH_nonneg i : 0 <= aH i. Proof. apply Rle_trans with (2 := a_le i), Rabs_pos. Qed.
Lemma largest_ge1 l : 1 <= largest l. Proof. destruct l; simpl; [lra|apply Rmax_l]. Qed.

Lemma suml_chain i l : (0 < length l)%nat ->
  aH i * suml (fun p : list nat * nat => chain (fst p)) l + km <= suml (fun p => chain (i :: fst p)) l.
Proof.
  assert (E : suml (fun p : list nat * nat => chain (i :: fst p)) l
              = aH i * suml (fun p => chain (fst p)) l + INR (length l) * km).
  { change (suml (fun p : list nat * nat => aH i * chain (fst p) + km) l
      = aH i * suml (fun p => chain (fst p)) l + INR (length l) * km).
    induction l as [|p l IH]; simpl suml; [simpl; ring|]; simpl length; rewrite S_INR, IH; ring. }
  intros H; rewrite E; apply Rplus_le_compat_l; apply (le_INR 1) in H; simpl (INR 1) in H.
  pose proof (Rmult_le_compat_r _ _ _ km0 H); lra.
Qed.

(** In a context [c] whose products with the multipliers of any term stay below [s]. *)
Lemma excess_chains s y : single y -> forall c, 0 <= c -> (forall p, In p (terms y) -> c * largest (fst p) <= s) ->
  c * D y <= c * suml (fun p => chain (fst p)) (terms y) + INR (adds y) * kp * s.
Proof.
  induction y as [i|x y IH|x IHx y IHy]; intros Hs c Hc Hp.
  - unfold Formulas.D, Mh; simpl; lra.
  - destruct x as [i|]; [|contradiction]; simpl in Hs.
    rewrite D_mul; unfold DA; cbn [AU aval adds terms ivars]; rewrite suml_map; cbn [fst].
    assert (L : (0 < length (terms y))%nat) by (rewrite terms_length; lia).
    pose proof (Rmult_le_compat_l _ _ _ Hc (suml_chain i _ L)) as K.
    pose proof (IH Hs (c * aH i) (Rmult_le_pos _ _ Hc (aH_nonneg i))) as B.
    assert (H : forall p, In p (terms y) -> c * aH i * largest (fst p) <= s).
    { intros p Ip; assert (In ([i] ++ fst p, snd p) (terms (BMul (AVar i) y))) as Iq.
      { cbn [terms ivars]; apply in_map_iff; exists p; auto. }
      specialize (Hp _ Iq); simpl in Hp; pose proof (Rmult_le_compat_l _ _ _ Hc (Rmax_r 1 (aH i * largest (fst p)))); lra. }
    specialize (B H); simpl app; lra.
  - destruct Hs as [Hx Hy]; cbn [terms] in Hp; rewrite D_add; cbn [terms adds]; rewrite suml_app, !plus_INR; simpl (INR 1).
    specialize (IHx Hx c Hc ltac:(intros; apply Hp, in_or_app; auto)).
    specialize (IHy Hy c Hc ltac:(intros; apply Hp, in_or_app; auto)).
    assert (c <= s).
    { assert (L : (0 < length (terms x))%nat) by (rewrite terms_length; lia); destruct (terms x) as [|p l]; [simpl in L; lia|].
      pose proof (Hp p ltac:(left; reflexivity)); pose proof (Rmult_le_compat_l _ _ _ Hc (largest_ge1 (fst p))); lra. }
    pose proof (Rmult_le_compat_r _ _ _ kp0 H); lra.
Qed.

(** The recurrences that an oracle evaluates. *)
Fixpoint late_kicks t := match t with O => 0 | S k => aH (S k) * late_kicks k + INR (S k) * km end.
Fixpoint largest_t t := match t with O => 1 | S k => Rmax 1 (aH (S k) * largest_t k) end.
Definition in_order_kicks t := late_kicks t + INR t * kp * largest_t t.

Lemma rev_seq_last s t : (s <= t)%nat -> rev (seq (S s) (S t - s)) = S t :: rev (seq (S s) (t - s)).
Proof.
  intros H; replace (S t - s)%nat with (S (t - s)) by lia; rewrite seq_last, rev_app_distr; simpl.
  f_equal; lia.
Qed.

Lemma chains_sum t : suml (fun s => chain (rev (seq (S s) (t - s)))) (seq 0 (S t)) = late_kicks t.
Proof.
  induction t as [|t IH]; [simpl; ring|].
  rewrite (seq_last 0 (S t)), suml_app; cbn [late_kicks]; rewrite <- IH.
  assert (E : suml (fun s => chain (rev (seq (S s) (S t - s)))) (seq 0 (S t))
              = aH (S t) * suml (fun s => chain (rev (seq (S s) (t - s)))) (seq 0 (S t)) + INR (S t) * km).
  { rewrite (suml_ext _ (fun s => aH (S t) * chain (rev (seq (S s) (t - s))) + km)).
    2: { intros s Hs; apply in_seq in Hs; rewrite rev_seq_last by lia; reflexivity. }
    replace (INR (S t)) with (INR (length (seq 0 (S t)))) by (rewrite seq_length; reflexivity).
    generalize (seq 0 (S t)); intros l; induction l as [|s l IHl]; [simpl; ring|].
    cbn [suml fold_right] in *; simpl length; rewrite S_INR; unfold suml in IHl; rewrite IHl; ring. }
  rewrite E; unfold suml at 2; simpl fold_right; rewrite Nat.sub_diag; simpl; ring.
Qed.

Lemma largest_le t s : (s <= t)%nat -> largest (rev (seq (S s) (t - s))) <= largest_t t.
Proof.
  induction t as [|t IH]; intros Hs.
  - replace s with 0%nat by lia; simpl; lra.
  - destruct (Nat.eq_dec s (S t)) as [-> | N]; [rewrite Nat.sub_diag; simpl; apply Rmax_l|].
    rewrite rev_seq_last by lia; simpl; apply Rle_max_compat_l, Rmult_le_compat_l; [apply aH_nonneg|apply IH; lia].
Qed.

Theorem in_order_excess t y : in_order t y -> D y <= in_order_kicks t.
Proof.
  intros [H P]; pose proof (excess_chains (largest_t t) y H 1 Rle_0_1) as B.
  rewrite (suml_perm _ _ _ P), suml_map in B; cbn [fst] in B; rewrite chains_sum in B.
  assert (A : adds y = t).
  { apply (adds_eq t y), in_order_unambiguous; split; assumption. }
  rewrite A, !Rmult_1_l in B; apply B; intros p Hp; rewrite Rmult_1_l.
  apply (Permutation_in _ P), in_map_iff in Hp; destruct Hp as (s & <- & Hs); apply in_seq in Hs; simpl fst.
  apply largest_le; lia.
Qed.
End Kicks.

(** ** Members *)
Theorem sequential_in_order t : in_order t (sequential t).
Proof.
  split; [induction t as [|t IH]; simpl; auto|].
  induction t as [|t IH]; [apply Permutation_refl|].
  rewrite (seq_last 0 (S t)), map_app; simpl terms; apply Permutation_app.
  - apply Permutation_trans with (1 := Permutation_map _ IH); rewrite map_map.
    rewrite (map_ext_in _ (fun s => (rev (seq (S s) (S t - s)), s))); [apply Permutation_refl|].
    intros s Hs; apply in_seq in Hs; rewrite rev_seq_last by lia; reflexivity.
  - simpl; rewrite Nat.sub_diag; apply Permutation_refl.
Qed.

(** a_t (... (a_(s+1) b_s)), summed over s. *)
Fixpoint ordered_term s n := match n with O => BVar s | S k => BMul (AVar (s + S k)) (ordered_term s k) end.
Fixpoint ordered_sum t k := match k with O => ordered_term 0 t | S j => BAdd (ordered_sum t j) (ordered_term k (t - k)) end.

Lemma terms_ordered s n : terms (ordered_term s n) = [(rev (seq (S s) n), s)].
Proof.
  induction n as [|n IH]; [reflexivity|].
  cbn [ordered_term terms]; rewrite IH, seq_last, rev_app_distr; simpl; repeat f_equal; lia.
Qed.

Theorem quadratic_in_order t : in_order t (ordered_sum t t).
Proof.
  assert (S1 : forall s n, single (ordered_term s n)) by (intros s n; induction n; simpl; auto).
  split; [generalize t at 2; intros k; induction k; simpl; auto|].
  assert (E : forall k, terms (ordered_sum t k) = map (fun s => (rev (seq (S s) (t - s)), s)) (seq 0 (S k))).
  { induction k as [|k IH]; [cbn [ordered_sum]; rewrite terms_ordered; simpl; rewrite Nat.sub_0_r; reflexivity|].
    cbn [ordered_sum terms]; rewrite IH, terms_ordered, (seq_last 0 (S k)), map_app; reflexivity. }
  rewrite E; apply Permutation_refl.
Qed.
