(** The bounds for real formats, and the decision on a stored output.

    Main results: [scan_bound] (Theorems 1, 2, 3 for any format at once), its instances
    [scan_bound_binary32], [scan_bound_binary64], [scan_bound_bfloat16], [scan_bound_binary16];
    [stored_between] (a stored output lies between the rounded ends of the interval) and
    [refuted_low], [refuted_high].
    Depends on: RoundingKernel, RoundingBounds. *)
From Coq Require Import Reals ZArith List Arith Lia Lra Psatz.
From Flocq Require Import Core Relative.
From Exactscan Require Import RoundingLists RoundingModel RoundingTree RoundingKicks RoundingBounds
  RoundingIEEE RoundingKernel.
Import ListNotations.
Open Scope R_scope.

Section Any.
Variables (prec emin : Z) (choice : Z -> bool) (ftz wide : bool).
Context {prec_pos : Prec_gt_0 prec}.
Notation v := (v prec).
Notation km := (kmul prec emin ftz).
Notation ka := (kadd prec emin ftz).
Notation kernel := (kernel prec emin choice ftz wide).

(** [n]: any bound on the sums on the way of a leaf; the number of non-zero leaves less one always is.
    [c], [tail]: any window. [e], [m], [mh], [s], [x], [u]: values at least those of the recurrences. *)
Theorem scan_bound t a b e m mh s x u :
  kernel t a b -> upper v km ka 0 (lv t) e m mh s x u ->
  let l := lv t in
  (forall n, (depth t <= n)%nat \/ n = Nat.pred (nz l) ->
     Rabs (b - hx l) <= theorem1_value v n e m + Gamma v l * u) /\
  Rabs (b - hx l) <= e + Gamma v l * (Nf l * v * (mh + u)) + Gamma v l * u /\
  (forall c tail tail', cell l c tail -> (1 <= c)%nat -> tail <= tail' ->
     Rabs (b - hx l) <= e + Gamma v l * window_value v (Nf l) (INR c) tail' (mh + u) u + Gamma v l * u).
Proof.
  intros K U; destruct (kernel_ev prec emin choice ftz wide t a b K) as [E _].
  destruct (allowance_sound v km ka 0 true (v_pos _) (v_le1 _) (kmul_pos _ _ _) (kadd_pos _ _ _) (Rle_refl 0)
    _ _ _ _ _ _ _ _ _ E U) as (H1 & H2 & H3).
  split; [exact H1|split; [exact (H2 eq_refl)|exact (H3 eq_refl)]].
Qed.

(** Without upward rounding: the exact recurrences. *)
Theorem scan_bound_exact t a b : kernel t a b ->
  let l := lv t in let U := Uf km ka 0 l in
  Rabs (b - hx l) <= E1 v l + Gamma v l * U /\
  Rabs (b - hx l) <= Em v l + Gamma v l * (Nf l * v * (Mh l + U)) + Gamma v l * U /\
  (forall ys xs, l = ys ++ xs ->
     Rabs (b - hx l) <= Em v l + Gamma v l * bracket v km ka 0 l (INR (nz ys)) (PH ys * Mh xs) + Gamma v l * U).
Proof.
  intros K; destruct (kernel_ev prec emin choice ftz wide t a b K) as [E _]; cbv zeta.
  pose proof (v_pos prec); pose proof (v_le1 prec); pose proof (kmul_pos prec emin ftz).
  pose proof (kadd_pos prec emin ftz); pose proof (Rle_refl 0).
  repeat split.
  - apply (theorem1 v km ka 0 true) with (a := a); assumption.
  - apply (theorem2_count v km ka 0 true) with (a := a); auto.
  - intros ys xs S; apply (theorem2_window v km ka 0 true) with (a := a); auto.
Qed.
End Any.

(** Binary formats of the IEEE 754 family: precision and exponent of the smallest number. *)
Section Instances.
Variables (choice : Z -> bool) (ftz wide : bool).
Local Instance prec24 : Prec_gt_0 24 := eq_refl.
Local Instance prec53 : Prec_gt_0 53 := eq_refl.
Local Instance prec8 : Prec_gt_0 8 := eq_refl.
Local Instance prec11 : Prec_gt_0 11 := eq_refl.
Definition scan_bound_binary32 := scan_bound 24 (-149) choice ftz wide.
Definition scan_bound_binary64 := scan_bound 53 (-1074) choice ftz wide.
Definition scan_bound_bfloat16 := scan_bound 8 (-133) choice ftz wide.
Definition scan_bound_binary16 := scan_bound 11 (-24) choice ftz wide.

(** The constants in digits: v = u/(1+u), u = 2^-24; the smallest number 2^-149. *)
Lemma v_binary32 : v 24 = / 16777217.
Proof. unfold v, u_ro; change (bpow radix2 (Z.opp 24 + 1)) with (/ 8388608); field. Qed.
Lemma v_binary64 : v 53 = / 9007199254740993.
Proof. unfold v, u_ro; change (bpow radix2 (Z.opp 53 + 1)) with (/ 4503599627370496); field. Qed.
Lemma v_bfloat16 : v 8 = / 257.
Proof. unfold v, u_ro; change (bpow radix2 (Z.opp 8 + 1)) with (/ 128); field. Qed.
Lemma v_binary16 : v 11 = / 2049.
Proof. unfold v, u_ro; change (bpow radix2 (Z.opp 11 + 1)) with (/ 1024); field. Qed.
End Instances.

(** ** Decision: the store is one more monotone rounding *)
Section Decision.
Variables (prec emin : Z) (choice : Z -> bool).
Context {prec_pos : Prec_gt_0 prec}.
Notation store := (RN prec emin choice).

Theorem stored_between h hh E : Rabs (hh - h) <= E -> store (h - E) <= store hh <= store (h + E).
Proof.
  intros H; apply Rabs_le_inv in H.
  split; apply round_le; try typeclasses eauto; lra.
Qed.

(** A store that may round to either neighbour, whatever it did before. *)
Theorem stored_any_between h hh E rnd : Valid_rnd rnd -> Rabs (hh - h) <= E ->
  round radix2 (fexp prec emin) Zfloor (h - E) <= round radix2 (fexp prec emin) rnd hh
  <= round radix2 (fexp prec emin) Zceil (h + E).
Proof.
  intros V H; apply Rabs_le_inv in H; pose proof (fexp_valid prec emin) as X.
  pose proof (round_le radix2 (fexp prec emin) Zfloor (h - E) hh ltac:(lra)).
  pose proof (round_le radix2 (fexp prec emin) Zceil hh (h + E) ltac:(lra)).
  pose proof (round_DN_pt radix2 (fexp prec emin) hh) as (_ & D & _); pose proof (round_UP_pt radix2 (fexp prec emin) hh) as (_ & U & _).
  destruct (round_DN_or_UP radix2 (fexp prec emin) rnd hh) as [-> | ->]; lra.
Qed.

(** With an enclosure [lo, hi] of the exact value. *)
Theorem refuted_low h hh E lo c : lo <= h -> c < store (lo - E) -> c = store hh -> E < Rabs (hh - h).
Proof.
  intros Hl Hc Ec; apply Rnot_le_lt; intros H; destruct (stored_between h hh E H) as [L _].
  assert (store (lo - E) <= store (h - E)) by (apply round_le; try typeclasses eauto; lra); lra.
Qed.
Theorem refuted_high h hh E hi c : h <= hi -> store (hi + E) < c -> c = store hh -> E < Rabs (hh - h).
Proof.
  intros Hl Hc Ec; apply Rnot_le_lt; intros H; destruct (stored_between h hh E H) as [_ L].
  assert (store (h + E) <= store (hi + E)) by (apply round_le; try typeclasses eauto; lra); lra.
Qed.
End Decision.
