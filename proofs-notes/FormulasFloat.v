(** Formulas evaluated in floating point without underflow, and that the class holds what it should.

    Main results: [sequential_unambiguous], [quadratic_unambiguous]: the recurrence and the quadratic form
    are unambiguous formulas; [flx_bev]: rounding to nearest with unbounded exponents, any tie rule, products
    fused into sums or not, obeys the error model of Formulas.v.
    Depends on: RoundingIEEE (clipping), Formulas, FormulasScan, Flocq. *)
From Coq Require Import Reals ZArith List Arith Lia Lra Psatz Permutation.
From Flocq Require Import Core Relative Plus_error.
From Exactscan Require Import RoundingIEEE Formulas FormulasScan.
Import ListNotations.
Open Scope R_scope.

(** ** Members of the class *)
Fixpoint sequential t :=
  match t with O => BVar 0 | S k => BAdd (BMul (AVar (S k)) (sequential k)) (BVar (S k)) end.

Theorem sequential_unambiguous t : unambiguous t (sequential t).
Proof.
  induction t as [|t (f & Hf & P)].
  - exists (fun _ => []); split; [intros s Hs; replace (0 - s)%nat with 0%nat by lia; constructor|apply Permutation_refl].
  - exists (fun s => if s =? S t then [] else S t :: f s); split.
    + intros s Hs; destruct (Nat.eqb_spec s (S t)) as [-> | N]; [rewrite Nat.sub_diag; constructor|].
      replace (S t - s)%nat with (S (t - s)) by lia; rewrite seq_last.
      replace (S s + (t - s))%nat with (S t) by lia.
      apply Permutation_cons_app; rewrite app_nil_r; apply Hf; lia.
    + simpl terms; rewrite (seq_last 0 (S t)), map_app; apply Permutation_app.
      * apply Permutation_trans with (1 := Permutation_map _ P); rewrite map_map.
        rewrite (map_ext_in _ (fun s => (if s =? S t then [] else S t :: f s, s))); [apply Permutation_refl|].
        intros s Hs; apply in_seq in Hs; simpl; destruct (Nat.eqb_spec s (S t)); [lia|reflexivity].
      * simpl; rewrite Nat.eqb_refl; apply Permutation_refl.
Qed.

(** Σ_s (a_{s+1} ... a_t) b_s *)
Fixpoint span s n := match n with O => AVar (S s) | S k => AMul (span s k) (AVar (S s + n)) end.
Definition quadratic_term t s := match t - s with O => BVar s | S n => BMul (span s n) (BVar s) end%nat.
Fixpoint quadratic_sum t k :=
  match k with O => quadratic_term t 0 | S j => BAdd (quadratic_sum t j) (quadratic_term t k) end.

Lemma ivars_span s n : ivars (span s n) = seq (S s) (S n).
Proof. induction n as [|n IH]; [reflexivity|]; rewrite seq_last, <- IH; reflexivity. Qed.

Lemma terms_quadratic_term t s : terms (quadratic_term t s) = [(seq (S s) (t - s), s)].
Proof.
  unfold quadratic_term; destruct (t - s)%nat as [|n]; [reflexivity|].
  simpl terms; rewrite ivars_span, app_nil_r; reflexivity.
Qed.

Theorem quadratic_unambiguous t : unambiguous t (quadratic_sum t t).
Proof.
  exists (fun s => seq (S s) (t - s)); split; [intros; apply Permutation_refl|].
  assert (E : forall k, terms (quadratic_sum t k) = map (fun s => (seq (S s) (t - s), s)) (seq 0 (S k))).
  { induction k as [|k IH]; [apply terms_quadratic_term|].
    simpl terms; rewrite IH, terms_quadratic_term, (seq_last 0 (S k)), map_app; reflexivity. }
  rewrite E; apply Permutation_refl.
Qed.

(** ** Rounding to nearest without underflow *)
Section Float.
Variables (prec : Z) (choice : Z -> bool).
Context {prec_pos : Prec_gt_0 prec}.
Notation fexp := (FLX_exp prec).
Notation fl := (round radix2 fexp (Znearest choice)).
Notation format := (generic_format radix2 fexp).
Notation v := (v prec).
Variables a aH b bH : nat -> R.
Notation aev := (aev v 0 a aH).
Notation bev := (bev v 0 0 a aH b bH).

Inductive fa : aform -> R -> Prop :=
| fa_var i x : Rabs (x - a i) <= aH i - Rabs (a i) -> fa (AVar i) x
| fa_mul f g x y : fa f x -> fa g y -> fa (AMul f g) (fl (x * y)).
Inductive fb : bform -> R -> Prop :=
| fb_var s x : Rabs (x - b s) <= bH s - Rabs (b s) -> format x -> fb (BVar s) x
| fb_mul f g x y : fa f x -> fb g y -> fb (BMul f g) (fl (x * y))
| fb_add f g x y : fb f x -> fb g y -> fb (BAdd f g) (fl (x + y))
| fb_fused_l f g h x y z : fa f x -> fb g y -> fb h z -> fb (BAdd (BMul f g) h) (fl (x * y + z))
| fb_fused_r f g h x y z : fa f x -> fb g y -> fb h z -> fb (BAdd h (BMul f g)) (fl (z + x * y)).

Lemma zero_le_0 : Rabs 0 <= 0. Proof. rewrite Rabs_R0; apply Rle_refl. Qed.

Lemma fl_relative x : exists d, Rabs d <= v /\ fl x = x * (1 + d).
Proof. apply (relative_error_N_FLX'_ex radix2 prec prec_pos choice). Qed.

Lemma fa_aev f x : fa f x -> aev f x.
Proof.
  induction 1 as [i x H | f g x y _ Hf _ Hg]; [constructor; exact H|].
  destruct (fl_relative (x * y)) as (d & Hd & ->); rewrite <- (Rplus_0_r (_ * (1 + d))).
  constructor; auto using zero_le_0.
Qed.

Lemma size_le f x c : bev f x c -> Rabs x <= c.
Proof.
  intros H; destruct H as [s x _ | f g x y c d e _ _ Hd He | f g x cx y cy e k _ _ _ _ _ _]; try lra.
  apply Rle_trans with (1 := Rabs_triang _ _), Rplus_le_compat; [|exact He].
  rewrite Rabs_mult, Rmult_comm; apply Rmult_le_compat_r; [apply Rabs_pos|].
  apply Rle_trans with (1 := Rabs_triang _ _); rewrite Rabs_R1; lra.
Qed.

(** A product fused into a sum, either way round. *)
Lemma fused_bev f g h x y z cy cz : aev f x -> bev g y cy -> bev h z cz -> format z ->
  exists p e, bev (BMul f g) p ((1 + v) * Rabs (x * y) + 0) /\ fl (x * y + z) = p + z + e /\
    Rabs e <= v * ((1 + v) * Rabs (x * y) + 0 + cz) /\ Rabs e <= (1 + v) * Rabs (x * y) + 0 /\ Rabs e <= cz.
Proof.
  intros Hf Hg Hh Fz; set (m := x * y); pose proof (v_pos prec) as Hv; pose proof (size_le _ _ _ Hh) as Hz.
  set (err := fl (m + z) - (m + z)).
  destruct (round_N_pt radix2 fexp choice (m + z)) as [_ Near].
  assert (Em : Rabs err <= Rabs m).
  { apply Rle_trans with (1 := Near z Fz); right; rewrite <- Rabs_Ropp; f_equal; ring. }
  assert (Ev : Rabs err <= v * Rabs (m + z)).
  { destruct (fl_relative (m + z)) as (d & Hd & E); unfold err; rewrite E.
    replace ((m + z) * (1 + d) - (m + z)) with (d * (m + z)) by ring; rewrite Rabs_mult.
    apply Rmult_le_compat_r; [apply Rabs_pos|exact Hd]. }
  assert (Ez : Rabs err <= v * Rabs m + Rabs z).
  { apply Rle_trans with (1 := Near (fl m) ltac:(apply generic_format_round; typeclasses eauto)).
    destruct (fl_relative m) as (d & Hd & ->).
    replace (m * (1 + d) - (m + z)) with (d * m + - z) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _); rewrite Rabs_Ropp, Rabs_mult.
    apply Rplus_le_compat_r, Rmult_le_compat_r; [apply Rabs_pos|exact Hd]. }
  assert (0 <= v * Rabs m) by (apply Rmult_le_pos; [exact Hv|apply Rabs_pos]).
  destruct (clip err z _ Ez H) as (e & C1 & C2 & C3).
  assert (Split : exists d, err - e = m * d /\ Rabs d <= v).
  { destruct (Req_dec m 0) as [M0|M0].
    - exists 0; rewrite Rabs_R0; split; [|exact Hv].
      rewrite M0, Rabs_R0, Rmult_0_r in C3; pose proof (Rabs_pos (err - e)).
      rewrite Rmult_0_r; apply Rabs_eq_R0; lra.
    - exists ((err - e) / m); split; [field; exact M0|].
      unfold Rdiv; rewrite Rabs_mult, Rabs_inv; assert (0 < Rabs m) by (apply Rabs_pos_lt; exact M0).
      apply Rle_trans with (v * Rabs m * / Rabs m); [|right; field; lra].
      apply Rmult_le_compat_r; [left; apply Rinv_0_lt_compat|]; assumption. }
  destruct Split as (d & E & Hd); exists (m * (1 + d)), e; repeat split.
  - rewrite <- (Rplus_0_r (m * _)); apply bev_mul with (c := cy); auto using zero_le_0.
  - unfold err in E; lra.
  - apply Rle_trans with (1 := C1), Rle_trans with (1 := Ev), Rmult_le_compat_l; [exact Hv|].
    pose proof (Rabs_triang m z); lra.
  - lra.
  - lra.
Qed.

Lemma fb_format f x : fb f x -> format x.
Proof. intros H; destruct H; try assumption; apply generic_format_round; typeclasses eauto. Qed.

Theorem flx_bev f x : fb f x -> exists c, bev f x c.
Proof.
  induction 1 as [s x H _ | f g x y Hf _ (cy & Hy) | f g x y Hf (cx & Hx) Hg (cy & Hy)
    | f g h x y z Hf _ (cy & Hy) Hh (cz & Hz) | f g h x y z Hf _ (cy & Hy) Hh (cz & Hz)].
  - exists (Rabs x); constructor; exact H.
  - destruct (fl_relative (x * y)) as (d & Hd & ->); rewrite <- (Rplus_0_r (_ * (1 + d))).
    eexists; apply bev_mul with (1 := fa_aev _ _ Hf) (2 := Hy) (3 := Hd) (4 := zero_le_0).
  - set (e := fl (x + y) - (x + y)); replace (fl (x + y)) with (x + y + e + 0) by (unfold e; ring).
    pose proof (size_le _ _ _ Hx) as Sx; pose proof (size_le _ _ _ Hy) as Sy; pose proof (v_pos prec) as Hv.
    assert (E1 : Rabs e <= Rabs x) by (apply plus_error_le_l; try typeclasses eauto; eapply fb_format; eassumption).
    assert (E2 : Rabs e <= Rabs y) by (apply plus_error_le_r; try typeclasses eauto; eapply fb_format; eassumption).
    assert (E3 : Rabs e <= v * (cx + cy)).
    { destruct (fl_relative (x + y)) as (d & Hd & E); unfold e; rewrite E.
      replace ((x + y) * (1 + d) - (x + y)) with (d * (x + y)) by ring; rewrite Rabs_mult.
      apply Rmult_le_compat; auto using Rabs_pos; apply Rle_trans with (1 := Rabs_triang _ _); lra. }
    eexists; apply bev_add with (1 := Hx) (2 := Hy) (3 := E3); auto using zero_le_0; lra.
  - destruct (fused_bev _ _ _ _ _ _ _ _ (fa_aev _ _ Hf) Hy Hz (fb_format _ _ Hh)) as (p & e & Hp & -> & E1 & E2 & E3).
    rewrite <- (Rplus_0_r (p + z + e)); eexists; apply bev_add with (1 := Hp) (2 := Hz); auto using zero_le_0.
  - destruct (fused_bev _ _ _ _ _ _ _ _ (fa_aev _ _ Hf) Hy Hz (fb_format _ _ Hh)) as (p & e & Hp & E & E1 & E2 & E3).
    rewrite (Rplus_comm z), E, (Rplus_comm p z), <- (Rplus_0_r (z + p + e)); eexists; apply bev_add with (1 := Hz) (2 := Hp); auto using zero_le_0.
    rewrite (Rplus_comm cz); assumption.
Qed.
End Float.
