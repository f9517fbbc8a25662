(** Unambiguous formulas of h_t: every monomial of the scan exactly once, in any order and bracketing.

    Main results: [unambiguous_exact] (such a formula is the recurrence), [unambiguous_bound1],
    [unambiguous_bound2], [unambiguous_bound3] (Theorems 1, 2 with any cut, 3, in terms of recurrences and of a bound [u] of what kicks can do: 0
    without underflow, FormulasKicks.v for products in order).
    Depends on: Formulas, RoundingBounds (one inequality). *)
From Coq Require Import Reals List Arith Lia Lra Psatz Permutation.
From Exactscan Require Import RoundingBounds Formulas.
Import ListNotations.
Open Scope R_scope.

(** ** Terms *)
Fixpoint ivars x := match x with AVar i => [i] | AMul x y => ivars x ++ ivars y end.
Fixpoint terms y : list (list nat * nat) :=
  match y with
  | BVar s => [([], s)]
  | BMul x y => map (fun p => (ivars x ++ fst p, snd p)) (terms y)
  | BAdd x y => terms x ++ terms y
  end.
Definition unambiguous t y :=
  exists f, (forall s, (s <= t)%nat -> Permutation (f s) (seq (S s) (t - s))) /\
            Permutation (terms y) (map (fun s => (f s, s)) (seq 0 (S t))).

Definition prodl (f : nat -> R) l := fold_right (fun i r => f i * r) 1 l.
Definition suml {A} (F : A -> R) l := fold_right (fun p r => F p + r) 0 l.

Lemma prodl_app f xs ys : prodl f (xs ++ ys) = prodl f xs * prodl f ys.
Proof. induction xs as [|x xs IH]; simpl; [ring|rewrite IH; ring]. Qed.
Lemma suml_app {A} (F : A -> R) xs ys : suml F (xs ++ ys) = suml F xs + suml F ys.
Proof. induction xs as [|x xs IH]; simpl; [ring|rewrite IH; ring]. Qed.
Lemma prodl_perm f xs ys : Permutation xs ys -> prodl f xs = prodl f ys.
Proof. induction 1; simpl; try congruence; ring. Qed.
Lemma suml_perm {A} (F : A -> R) xs ys : Permutation xs ys -> suml F xs = suml F ys.
Proof. induction 1; simpl; try congruence; ring. Qed.
Lemma suml_map {A B} (F : B -> R) (g : A -> B) l : suml F (map g l) = suml (fun x => F (g x)) l.
Proof. induction l as [|x l IH]; simpl; [|rewrite IH]; reflexivity. Qed.
Lemma suml_ext {A} (F G : A -> R) l : (forall x, In x l -> F x = G x) -> suml F l = suml G l.
Proof. induction l as [|x l IH]; simpl; intros H; [reflexivity|rewrite H, IH; auto]. Qed.
Lemma suml_mul {A} c (F : A -> R) l : suml (fun x => c * F x) l = c * suml F l.
Proof. induction l as [|x l IH]; simpl; [ring|rewrite IH; ring]. Qed.
Lemma suml_le {A} (F G : A -> R) l : (forall x, In x l -> F x <= G x) -> suml F l <= suml G l.
Proof. induction l as [|x l IH]; simpl; intros H; [lra|apply Rplus_le_compat; auto]. Qed.

Lemma aval_terms f x : aval f x = prodl f (ivars x).
Proof. induction x as [i|x IHx y IHy]; simpl; [ring|rewrite prodl_app, IHx, IHy; reflexivity]. Qed.
Lemma bval_terms f g y : bval f g y = suml (fun p => prodl f (fst p) * g (snd p)) (terms y).
Proof.
  induction y as [s|x y IH|x IHx y IHy]; simpl; [ring| |rewrite suml_app, IHx, IHy; reflexivity].
  rewrite IH, suml_map, <- suml_mul; apply suml_ext; intros p _; simpl.
  rewrite prodl_app, aval_terms; ring.
Qed.
Lemma mins_terms aH bH th y : forall c,
  mins aH bH th c y = suml (fun p => Rmin th (c * (prodl aH (fst p) * bH (snd p)))) (terms y).
Proof.
  induction y as [s|x y IH|x IHx y IHy]; intros c; simpl.
  - rewrite Rmult_1_l; ring.
  - rewrite IH, suml_map; apply suml_ext; intros p _; simpl; rewrite prodl_app, aval_terms; f_equal; ring.
  - rewrite suml_app, IHx, IHy; reflexivity.
Qed.
Lemma terms_length y : length (terms y) = S (adds y).
Proof. induction y; simpl; rewrite ?map_length, ?app_length; lia. Qed.
Lemma factors_length x : factors x = length (ivars x).
Proof. induction x; simpl; rewrite ?app_length; lia. Qed.
Lemma muls_le n y : (forall p, In p (terms y) -> (length (fst p) <= n)%nat) -> (muls y <= n)%nat.
Proof.
  revert n; induction y as [s|x y IH|x IHx y IHy]; intros n H; simpl; [lia| |].
  - assert (Hy : (muls y <= n - factors x)%nat).
    { apply IH; intros p Hp; specialize (H _ (in_map _ _ _ Hp)); simpl in H.
      rewrite app_length, <- factors_length in H; lia. }
    assert (factors x <= n)%nat; [|lia].
    pose proof (terms_length y) as L; destruct (terms y) as [|p l] eqn:E; [discriminate|].
    specialize (H (ivars x ++ fst p, snd p)); simpl in H; rewrite E in H; simpl in H.
    rewrite app_length, <- factors_length in H; specialize (H (or_introl eq_refl)); lia.
  - apply Nat.max_lub; [apply IHx|apply IHy]; intros p Hp; apply H, in_or_app; auto.
Qed.

(** ** The recurrence *)
Fixpoint scan (f g : nat -> R) t := match t with O => g 0%nat | S k => f (S k) * scan f g k + g (S k) end.

Lemma seq_last s n : seq s (S n) = seq s n ++ [(s + n)%nat].
Proof. exact (seq_S n s). Qed.

Lemma scan_sum f g t : scan f g t = suml (fun s => prodl f (seq (S s) (t - s)) * g s) (seq 0 (S t)).
Proof.
  induction t as [|t IH]; [simpl; ring|].
  rewrite (seq_last 0 (S t)), suml_app; simpl scan; rewrite IH, <- suml_mul.
  assert (E : suml (fun s => prodl f (seq (S s) (S t - s)) * g s) [(0 + S t)%nat] = g (S t)).
  { unfold suml, fold_right; simpl Nat.add; rewrite Nat.sub_diag; simpl; ring. }
  rewrite E; f_equal; apply suml_ext; intros s Hs; apply in_seq in Hs.
  replace (S t - s)%nat with (S (t - s)) by lia; rewrite seq_last, prodl_app.
  replace (S s + (t - s))%nat with (S t) by lia; simpl; ring.
Qed.

Section Unambiguous.
Variables (t : nat) (y : bform).
Hypothesis U : unambiguous t y.

Lemma over_times (F : list nat -> nat -> R) : (forall I J s, Permutation I J -> F I s = F J s) ->
  suml (fun p => F (fst p) (snd p)) (terms y) = suml (fun s => F (seq (S s) (t - s)) s) (seq 0 (S t)).
Proof.
  intros HF; destruct U as (f & Hf & P); rewrite (suml_perm _ _ _ P), suml_map; apply suml_ext.
  intros s Hs; apply in_seq in Hs; apply HF, Hf; lia.
Qed.

Lemma bval_scan f g : bval f g y = scan f g t.
Proof.
  rewrite bval_terms, scan_sum; apply (over_times (fun I s => prodl f I * g s)).
  intros I J s P; rewrite (prodl_perm f I J P); reflexivity.
Qed.

Theorem unambiguous_exact a b : exact a b y = scan a b t.
Proof. apply bval_scan. Qed.

Lemma adds_eq : adds y = t.
Proof.
  destruct U as (f & _ & P); pose proof (Permutation_length P) as L.
  rewrite terms_length, map_length, seq_length in L; lia.
Qed.
Lemma muls_le_t : (muls y <= t)%nat.
Proof.
  apply muls_le; intros p Hp; destruct U as (f & Hf & P).
  apply (Permutation_in _ P), in_map_iff in Hp; destruct Hp as (s & <- & Hs); apply in_seq in Hs; simpl.
  rewrite (Permutation_length (Hf s ltac:(lia))), seq_length; lia.
Qed.

Variables (v km kp : R) (a aH b bH : nat -> R).
Hypothesis v0 : 0 <= v.
Hypothesis v1 : v <= 1.
Hypothesis km0 : 0 <= km.
Hypothesis kp0 : 0 <= kp.
Hypothesis a_le : forall i, Rabs (a i) <= aH i.
Hypothesis b_le : forall s, Rabs (b s) <= bH s.
Notation q := (1 + v).
(** The recurrences: M_t, M_t with allowances, M_t + Em_t. *)
Definition M_t := scan (fun i => Rabs (a i)) (fun s => Rabs (b s)) t.
Definition Mh_t := scan aH bH t.
Definition W_t := scan (fun i => q * aH i) bH t.
(** What the formula can lose through kicks, or more; 0 without underflow. *)
Variable u : R.
Hypothesis excess : D km kp aH bH y <= u.

Lemma excess_pos : 0 <= D km kp aH bH y <= u.
Proof. split; [apply (D_pos km kp km0 kp0 a aH b bH a_le b_le)|exact excess]. Qed.

Lemma powers_le : q ^ (muls y + t) <= q ^ (2 * t).
Proof. apply Rle_pow; [lra|pose proof muls_le_t; lia]. Qed.

Lemma kicks_le : q ^ (muls y + t) * D km kp aH bH y <= q ^ (2 * t) * u.
Proof. apply Rmult_le_compat; [apply pow_le; lra|apply excess_pos|apply powers_le|exact excess]. Qed.

Theorem unambiguous_bound1 x c : bev v km kp a aH b bH y x c ->
  Rabs (x - scan a b t) <= q ^ t * W_t - M_t + q ^ (2 * t) * u.
Proof.
  intros H; pose proof (formula_theorem1 v km kp v0 km0 kp0 a aH b bH a_le b_le y x c H) as B.
  rewrite unambiguous_exact, adds_eq in B; unfold Wm, M in B; rewrite !bval_scan in B.
  apply Rle_trans with (1 := B), Rplus_le_compat_l, kicks_le.
Qed.

Theorem unambiguous_bound3 x c n : bev v km kp a aH b bH y x c -> (depth y <= n)%nat ->
  Rabs (x - scan a b t) <= q ^ n * W_t - M_t + q ^ (t + n) * u.
Proof.
  intros H Hn; pose proof (formula_theorem3 v km kp v0 km0 kp0 a aH b bH a_le b_le y x c n H Hn) as B.
  rewrite unambiguous_exact in B; unfold Wm, M in B; rewrite !bval_scan in B.
  apply Rle_trans with (1 := B), Rplus_le_compat_l, Rmult_le_compat; [apply pow_le; lra|apply excess_pos| |exact excess].
  apply Rle_pow; [lra|pose proof muls_le_t; lia].
Qed.

Lemma aH_prod_pos l : 0 <= prodl aH l.
Proof.
  induction l as [|i l IH]; simpl; [lra|apply Rmult_le_pos; [|exact IH]].
  apply Rle_trans with (2 := a_le i), Rabs_pos.
Qed.

(** A cut at r. *)
Lemma mins_cut th r : (r <= t)%nat ->
  mins aH bH th 1 y <= INR (t - r) * th + prodl aH (seq (S r) (t - r)) * scan aH bH r.
Proof.
  intros Hr; rewrite mins_terms.
  rewrite (over_times (fun I s => Rmin th (1 * (prodl aH I * bH s)))).
  2: { intros I J s P; rewrite (prodl_perm aH I J P); reflexivity. }
  replace (S t) with (S r + (t - r))%nat by lia; rewrite seq_app, suml_app.
  rewrite (scan_sum aH bH r), <- suml_mul, Rplus_comm; apply Rplus_le_compat.
  - replace (INR (t - r) * th) with (suml (fun _ : nat => th) (seq (0 + S r) (t - r))).
    + apply suml_le; intros s _; apply Rmin_l.
    + generalize (0 + S r)%nat; induction (t - r)%nat as [|n IH]; intros k; [simpl; ring|].
      rewrite S_INR; simpl seq; simpl suml; rewrite IH; ring.
  - apply suml_le; intros s Hs; apply in_seq in Hs; apply Rle_trans with (1 := Rmin_r _ _); right.
    replace (t - s)%nat with ((r - s) + (t - r))%nat by lia; rewrite seq_app, prodl_app.
    replace (S s + (r - s))%nat with (S r) by lia; ring.
Qed.

Lemma BU_eq : BU km kp aH bH y = Mh_t + D km kp aH bH y.
Proof. unfold D, Mh, Mh_t; rewrite bval_scan; ring. Qed.

(** The costs of the sums: the count, and any cut. *)
Lemma costs_bound r : (r <= t)%nat -> let m := Mh_t + u in
  V v km kp aH bH y <= Rmin (INR t * v * m)
    ((1 + INR t * v) * (INR (t - r) * v * m + prodl aH (seq (S r) (t - r)) * scan aH bH r + u) - v * m).
Proof.
  intros Hr m; pose proof excess_pos as [D0 D1].
  assert (Htv : 0 <= INR t * v) by (apply Rmult_le_pos; [apply pos_INR|exact v0]).
  apply Rmin_glb.
  - pose proof (formula_counted v km kp v0 km0 kp0 a aH b bH a_le b_le y) as F; rewrite adds_eq, BU_eq in F.
    apply Rle_trans with (1 := F), Rmult_le_compat_l; [exact Htv|unfold m; lra].
  - pose proof (costs_le v km kp v0 v1 km0 kp0 a aH b bH a_le b_le y) as F; rewrite adds_eq in F.
    pose proof (mins_cut (v * BU km kp aH bH y) r Hr) as K.
    pose proof (Rmult_le_compat_l (1 + INR t * v) _ _ ltac:(lra) K) as K2.
    pose proof (bracket_mono v v0 v1 _ _ (INR t) (INR (t - r)) Mh_t (prodl aH (seq (S r) (t - r)) * scan aH bH r)
      (pos_INR t) (pos_INR (t - r)) D1) as B; rewrite <- BU_eq in B; fold m in B; lra.
Qed.

Theorem unambiguous_bound2 x c r : bev v km kp a aH b bH y x c -> (r <= t)%nat -> let m := Mh_t + u in
  Rabs (x - scan a b t) <= W_t - M_t + q ^ (2 * t)
    * Rmin (INR t * v * m)
           ((1 + INR t * v) * (INR (t - r) * v * m + prodl aH (seq (S r) (t - r)) * scan aH bH r + u) - v * m)
    + q ^ (2 * t) * u.
Proof.
  intros H Hr m; destruct (bev_apart v km kp v0 km0 kp0 a aH b bH a_le b_le y x c H) as [_ B].
  rewrite unambiguous_exact, adds_eq in B; unfold Wm, M in B; rewrite !bval_scan in B; fold W_t M_t in B.
  apply Rle_trans with (1 := B); pose proof kicks_le; pose proof powers_le as Q.
  assert (Q0 : 0 <= q ^ (muls y + t)) by (apply pow_le; lra).
  pose proof (V_pos v km kp v0 km0 kp0 a aH b bH a_le b_le y) as V0.
  pose proof (Rmult_le_compat _ _ _ _ Q0 V0 Q (costs_bound r Hr)); fold m in H1; lra.
Qed.
End Unambiguous.
