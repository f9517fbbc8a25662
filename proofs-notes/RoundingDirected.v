(** Theorem 1 for operations that round to either neighbour.

    Main results: [directed_ev]: a bracketing whose operations each round in any monotone way (up, down, to
    zero, to nearest, differently each time) obeys the error model with 2u for v and the smallest number for
    its half, without absorption; [directed_bound]: so Theorems 1 and 3 hold.
    Depends on: RoundingLists, RoundingModel, RoundingBounds, RoundingIEEE, RoundingKernel. *)
From Coq Require Import Reals ZArith List Arith Lia Lra Psatz.
From Flocq Require Import Core Relative Plus_error Mult_error.
From Exactscan Require Import RoundingLists RoundingModel RoundingBounds RoundingIEEE RoundingKernel.
Import ListNotations.
Open Scope R_scope.

Section Directed.
Variables (prec emin : Z) (ftz wide : bool).
Context {prec_pos : Prec_gt_0 prec}.
Notation fexp := (fexp prec emin).
Notation format := (format prec emin).
Notation lam := (lam prec emin).
Local Instance fexp_good : Valid_exp fexp.
Proof. apply FLT_exp_valid, prec_pos. Qed.

Definition w := bpow radix2 (- prec + 1).
Definition kd := if ftz then lam else eta emin.
Notation kadd := (kadd prec emin ftz).
Definition opd x r :=
  (exists rnd, Valid_rnd rnd /\ r = round radix2 fexp rnd x) \/ (ftz = true /\ Rabs x < lam /\ r = 0).

Lemma w_pos : 0 <= w. Proof. apply bpow_ge_0. Qed.
Lemma kd_pos : 0 <= kd. Proof. unfold kd, RoundingIEEE.lam, eta; destruct ftz; apply bpow_ge_0. Qed.
Lemma eta_le_kd : eta emin <= kd.
Proof. unfold kd, RoundingIEEE.lam, eta; destruct ftz; [apply bpow_le; unfold Prec_gt_0 in *; lia|lra]. Qed.
Lemma flush_kd x : ftz = true -> Rabs x < lam -> Rabs (- x) <= kd.
Proof. intros E H; unfold kd; rewrite E, Rabs_Ropp; lra. Qed.

(** The error of a rounding: relative above the smallest normal number, else less than the smallest number. *)
Lemma round_error rnd x : Valid_rnd rnd ->
  (lam <= Rabs x /\ Rabs (round radix2 fexp rnd x - x) <= w * Rabs x) \/
  (Rabs x < lam /\ Rabs (round radix2 fexp rnd x - x) <= eta emin).
Proof.
  intros V; destruct (Rle_or_lt lam (Rabs x)) as [L|L]; [left|right]; (split; [exact L|]).
  - left; apply relative_error_FLT; [exact prec_pos|exact V|exact L].
  - destruct (Req_dec x 0) as [-> | N].
    + rewrite round_0 by exact V; rewrite Rminus_diag_eq, Rabs_R0 by reflexivity; apply bpow_ge_0.
    + left; assert (U : ulp radix2 fexp x = eta emin).
      { apply ulp_FLT_small; [exact prec_pos|]; apply Rlt_trans with (1 := L), bpow_lt; lia. }
      rewrite <- U; apply error_lt_ulp; [exact fexp_good|exact V|exact N].
Qed.

Lemma opd_format x r : opd x r -> format r.
Proof. intros [(rnd & V & ->) | (_ & _ & ->)]; [apply generic_format_round; typeclasses eauto|apply generic_format_0]. Qed.
Lemma opd_exact x r : format x -> opd x r -> exists f, r = x + f /\ Rabs f <= kadd.
Proof.
  intros F [(rnd & V & ->) | (Z & L & ->)].
  - exists 0; rewrite round_generic by assumption; rewrite Rabs_R0; split; [ring|apply kadd_pos].
  - exists (- x); split; [ring|apply flush_kadd; assumption].
Qed.
Lemma opd_0 r : opd 0 r -> r = 0.
Proof. intros [(rnd & V & ->) | (_ & _ & ->)]; [apply round_0, V|reflexivity]. Qed.

Lemma product_d x r : opd x r -> exists d e, r = x * (1 + d) + e /\ Rabs d <= w /\ Rabs e <= kd.
Proof.
  pose proof w_pos; intros [(rnd & V & ->) | (Z & L & ->)].
  - destruct (round_error rnd x V) as [[L E] | [L E]].
    + assert (lam > 0) by apply bpow_gt_0; assert (N : x <> 0) by (intros ->; rewrite Rabs_R0 in L; lra).
      exists ((round radix2 fexp rnd x - x) / x), 0; rewrite Rabs_R0; repeat split; [field; exact N| |apply kd_pos].
      unfold Rdiv; rewrite Rabs_mult, Rabs_inv; assert (0 < Rabs x) by (apply Rabs_pos_lt; exact N).
      apply Rle_trans with (w * Rabs x * / Rabs x); [|right; field; lra].
      apply Rmult_le_compat_r; [left; apply Rinv_0_lt_compat|]; assumption.
    + exists 0, (round radix2 fexp rnd x - x); rewrite Rabs_R0; repeat split; [ring|exact H|].
      apply Rle_trans with (1 := E), eta_le_kd.
  - exists 0, (- x); rewrite Rabs_R0; repeat split; [ring|exact H|apply flush_kd; assumption].
Qed.

Lemma product_exact_d p x r : pow2 p -> format x -> opd (p * x) r ->
  exists d e, r = p * x * (1 + d) + e /\ Rabs d <= 0 /\ Rabs e <= kd.
Proof.
  intros Hp Hx O; exists 0, (r - p * x); rewrite Rabs_R0; repeat split; [ring|lra|].
  destruct O as [(rnd & V & ->) | (Z & L & ->)].
  2: { replace (0 - p * x) with (- (p * x)) by ring; apply flush_kd; assumption. }
  destruct (round_error rnd (p * x) V) as [[L E] | [L E]]; [|apply Rle_trans with (1 := E), eta_le_kd].
  assert (F : format (p * x)).
  { apply generic_format_FLT_FLX; [exact L|]; apply generic_format_FLX_FLT in Hx.
    destruct Hp as [-> | [k Hk]]; [rewrite Rmult_0_l; apply generic_format_0|].
    pose proof (mult_bpow_exact_FLX radix2 prec x k Hx) as G.
    assert (H : Rabs p = Rabs (bpow radix2 k)) by (rewrite Hk; symmetry; apply Rabs_pos_eq, bpow_ge_0).
    destruct (Rabs_eq_Rabs _ _ H) as [-> | ->]; rewrite Rmult_comm; [exact G|].
    rewrite Ropp_mult_distr_r_reverse; apply generic_format_opp; exact G. }
  rewrite round_generic by assumption; rewrite Rminus_diag_eq, Rabs_R0 by reflexivity; apply kd_pos.
Qed.

Lemma opd_pow2 x r : pow2 x -> opd x r -> pow2 r.
Proof.
  intros Hp [(rnd & V & ->) | (_ & _ & ->)]; [|left; reflexivity].
  destruct Hp as [-> | [k Hk]]; [left; apply round_0, V|].
  destruct (Z_le_gt_dec emin k) as [H|H].
  - right; exists k; rewrite round_generic; [exact Hk|exact V|]; apply generic_format_abs_inv; rewrite Hk.
    apply generic_format_FLT_bpow; [exact prec_pos|exact H].
  - destruct (Req_dec (round radix2 fexp rnd x) 0) as [Z|Z]; [left; exact Z|right; exists emin; fold (eta emin)].
    apply Rle_antisym; [|apply (format_ge_eta prec emin); [apply generic_format_round; typeclasses eauto|exact Z]].
    apply abs_round_le_generic; [exact fexp_good|exact V| |].
    + apply generic_format_FLT_bpow; [exact prec_pos|lia].
    + rewrite Hk; apply bpow_le; lia.
Qed.

(** A sum of reals, one of them in the format: a kick, or an error relative to the sum. *)
Lemma sum_d x y r : opd (x + y) r -> exists eb e f, r = x + eb + y + e + f /\
  Rabs eb <= eta emin /\ Rabs e <= w * Rabs (x + y) /\ Rabs f <= kadd /\ (format x -> format y -> eb = 0).
Proof.
  pose proof (kadd_pos prec emin ftz) as Hk.
  assert (Hw : 0 <= w * Rabs (x + y)) by (apply Rmult_le_pos; [apply w_pos|apply Rabs_pos]).
  assert (He : 0 <= eta emin) by apply bpow_ge_0.
  intros [(rnd & V & ->) | (Z & L & ->)].
  - destruct (round_error rnd (x + y) V) as [[L E] | [L E]].
    + exists 0, (round radix2 fexp rnd (x + y) - (x + y)), 0; rewrite Rabs_R0; repeat split; auto; ring.
    + exists (round radix2 fexp rnd (x + y) - (x + y)), 0, 0; rewrite Rabs_R0; repeat split; auto; [ring|].
      intros Fx Fy; rewrite round_generic; [ring|exact V|].
      apply FLT_format_plus_small; try assumption; left; apply Rlt_trans with (1 := L), bpow_lt; lia.
  - exists 0, 0, (- (x + y)); rewrite Rabs_R0; repeat split; auto; [ring|apply flush_kadd; assumption].
Qed.

(** ** Kernels *)
Inductive kernel_d : tree -> R -> R -> Prop :=
| kernel_d_leaf x a b : holds_a prec emin ftz wide x a -> holds_b prec emin ftz x b -> kernel_d (Leaf x) a b
| kernel_d_separate l r a1 b1 a2 b2 a p b : kernel_d l a1 b1 -> kernel_d r a2 b2 ->
    opd (a2 * a1) a -> opd (a2 * b1) p -> opd (p + b2) b -> kernel_d (Node l r) a b
| kernel_d_fused l r a1 b1 a2 b2 a b : kernel_d l a1 b1 -> kernel_d r a2 b2 ->
    opd (a2 * a1) a -> opd (a2 * b1 + b2) b -> kernel_d (Node l r) a b.

Notation facts_a := (facts_a prec emin wide).
Notation facts_b := (facts_b prec emin).

Lemma node_a_d l r a1 a2 a : facts_a l a1 -> facts_a r a2 -> opd (a2 * a1) a ->
  (exists d e, a = a2 * a1 * (1 + d) + e /\ Rabs d <= on (tm l * tm r) w /\ Rabs e <= kd) /\ facts_a (Node l r) a.
Proof.
  intros (Fl & Wl & Pl) (Fr & Wr & Pr) H; split; [|unfold RoundingKernel.facts_a; rewrite tm_node; repeat split].
  - destruct (Nat.eq_dec (tm l * tm r) 0) as [Z|Z].
    + rewrite Z; simpl on; apply Nat.eq_mul_0 in Z.
      destruct wide; [specialize (Wl eq_refl); specialize (Wr eq_refl); tauto|].
      specialize (Fl eq_refl); specialize (Fr eq_refl).
      destruct Z as [Z|Z]; [|exact (product_exact_d _ _ _ (Pr Z) Fl H)].
      rewrite Rmult_comm in *; exact (product_exact_d _ _ _ (Pl Z) Fr H).
    + rewrite on_nonzero by exact Z; apply product_d, H.
  - intros _; apply (opd_format _ _ H).
  - intros W; specialize (Wl W); lia.
  - intros Z; apply opd_pow2 with (2 := H), pow2_mul; [apply Pr|apply Pl]; lia.
Qed.

(** The product of a node, and with it everything but the sum. *)
Lemma product_node l r a2 b1 p : facts_b l b1 -> facts_a r a2 -> opd (a2 * b1) p ->
  exists d e, p = a2 * b1 * (1 + d) + e /\ Rabs d <= on (tm r) w /\ Rabs e <= on (tz l) kd.
Proof.
  intros (Fl & Zl) (_ & _ & Pr) O; destruct (Nat.eq_dec (tz l) 0) as [Z|Z].
  - rewrite (Zl Z), Rmult_0_r in *; rewrite (opd_0 _ O), Z; exists 0, 0; rewrite Rabs_R0; simpl on.
    repeat split; [ring|apply on_pos, w_pos|lra].
  - rewrite (on_nonzero (tz l)) by exact Z; destruct (Nat.eq_dec (tm r) 0) as [Y|Y].
    + rewrite Y; apply product_exact_d; auto.
    + rewrite on_nonzero by exact Y; apply product_d, O.
Qed.

Definition node_bd l r a2 b1 b2 b :=
  exists d eb e f, b = a2 * b1 * (1 + d) + eb + b2 + e + f /\ Rabs d <= on (tm r) w /\ Rabs eb <= on (tz l) kd /\
    Rabs e <= w * ((1 + on (tm r) w) * Rabs (a2 * b1) + on (tz l) kd + Rabs b2) /\
    ((tz l * tz r)%nat = 0%nat -> e = 0) /\ Rabs f <= on (tz l + tz r) kadd.

(** With an addend that is exactly 0 the sum is a product alone, or a number of the format. *)
Lemma node_silent l r a2 b1 b2 p b : facts_b l b1 -> facts_a r a2 -> facts_b r b2 -> (tz l * tz r)%nat = 0%nat ->
  (opd (a2 * b1) p /\ opd (p + b2) b \/ opd (a2 * b1 + b2) b) -> node_bd l r a2 b1 b2 b.
Proof.
  intros Bl Ar Br Z O; pose proof (product_node l r a2 b1) as PN.
  assert (W0 : 0 <= w * ((1 + on (tm r) w) * Rabs (a2 * b1) + on (tz l) kd + Rabs b2)).
  { pose proof (on_pos (tm r) w w_pos); pose proof (on_pos (tz l) kd kd_pos); pose proof (Rabs_pos b2).
    apply Rmult_le_pos; [apply w_pos|]; pose proof (Rmult_le_pos (1 + on (tm r) w) _ ltac:(lra) (Rabs_pos (a2 * b1))); lra. }
  destruct Bl as (Fl & Zl), Br as (Fr & Zr).
  destruct (Nat.eq_dec (tz l) 0) as [Y|Y].
  - assert (O2 : opd b2 b).
    { rewrite (Zl Y), Rmult_0_r in O; destruct O as [[Op Ob] | Ob]; [apply opd_0 in Op; rewrite Op in Ob|];
        rewrite Rplus_0_l in Ob; exact Ob. }
    destruct (opd_exact _ _ Fr O2) as (f & E & Hf); exists 0, 0, 0, f; rewrite (Zl Y) in *; rewrite Rabs_R0.
    repeat split; auto; [rewrite E; ring|apply on_pos, w_pos|apply on_pos, kd_pos|].
    destruct (Nat.eq_dec (tz r) 0) as [Y2|Y2]; [|rewrite on_nonzero by lia; exact Hf].
    rewrite (Zr Y2) in *; apply opd_0 in O2; replace f with 0 by lra; rewrite Rabs_R0; apply on_pos, kadd_pos.
  - assert (Y2 : tz r = 0%nat) by (apply Nat.eq_mul_0 in Z; tauto); rewrite (Zr Y2), Rplus_0_r in O.
    assert (K : exists p', opd (a2 * b1) p' /\ (b = p' \/ opd p' b)).
    { destruct O as [[Op Ob] | Ob]; [exists p|exists b]; rewrite ?Rplus_0_r in *; auto. }
    destruct K as (p' & Op & Ob); destruct (PN p' (conj Fl Zl) Ar Op) as (d & eb & E & Hd & Heb).
    destruct Ob as [-> | Ob].
    + exists d, eb, 0, 0; rewrite (Zr Y2), Rabs_R0 in *; repeat split; auto; [rewrite E; ring|apply on_pos, kadd_pos].
    + destruct (opd_exact _ _ (opd_format _ _ Op) Ob) as (f & Ef & Hf); exists d, eb, 0, f; rewrite (Zr Y2), Rabs_R0 in *.
      repeat split; auto; [rewrite Ef, E; ring|rewrite on_nonzero by lia; exact Hf].
Qed.

Lemma node_loud l r a2 b1 b2 p b : facts_b l b1 -> facts_a r a2 -> facts_b r b2 -> (tz l * tz r)%nat <> 0%nat ->
  (opd (a2 * b1) p /\ opd (p + b2) b \/ opd (a2 * b1 + b2) b) -> node_bd l r a2 b1 b2 b.
Proof.
  intros Bl Ar Br Z O; assert (Zl : tz l <> 0%nat) by (intros E; rewrite E in Z; apply Z; reflexivity).
  pose proof w_pos as Hw; pose proof (on_pos (tm r) w Hw) as Hon; pose proof kd_pos as Hkd.
  unfold node_bd; rewrite (on_nonzero (tz l)), (on_nonzero (tz l + tz r)) by lia.
  destruct O as [[Op Ob] | Ob].
  - destruct (product_node _ _ _ _ _ Bl Ar Op) as (d & eb & E & Hd & Heb); rewrite (on_nonzero (tz l)) in Heb by exact Zl.
    destruct (sum_d _ _ _ Ob) as (e0 & e & f & Eb & _ & He & Hf & H0).
    rewrite (H0 (opd_format _ _ Op) (proj1 Br)) in Eb.
    exists d, eb, e, f; repeat split; auto; [rewrite Eb, E; ring| |intros K; contradiction].
    apply Rle_trans with (1 := He), Rmult_le_compat_l; [exact Hw|].
    apply Rle_trans with (1 := Rabs_triang _ _), Rplus_le_compat_r; rewrite E.
    apply Rle_trans with (1 := Rabs_triang _ _), Rplus_le_compat; [|exact Heb].
    rewrite Rabs_mult, Rmult_comm; apply Rmult_le_compat_r; [apply Rabs_pos|].
    apply Rle_trans with (1 := Rabs_triang _ _); rewrite Rabs_R1; lra.
  - destruct (sum_d _ _ _ Ob) as (eb & e & f & Eb & Heb & He & Hf & _).
    exists 0, eb, e, f; rewrite Rabs_R0; repeat split; auto; [rewrite Eb; ring| | |intros K; contradiction].
    + apply Rle_trans with (1 := Heb), eta_le_kd.
    + apply Rle_trans with (1 := He), Rmult_le_compat_l; [exact Hw|].
      apply Rle_trans with (1 := Rabs_triang _ _), Rplus_le_compat_r.
      pose proof (Rmult_le_pos _ _ Hon (Rabs_pos (a2 * b1))); lra.
Qed.

Lemma node_zero_d l r a2 b1 b2 p b : facts_b l b1 -> facts_b r b2 ->
  (opd (a2 * b1) p /\ opd (p + b2) b \/ opd (a2 * b1 + b2) b) -> facts_b (Node l r) b.
Proof.
  intros (_ & Zl) (_ & Zr) O; split; [destruct O as [[_ O] | O]; apply (opd_format _ _ O)|].
  rewrite tz_node; intros Z; rewrite (Zl ltac:(lia)), (Zr ltac:(lia)), Rmult_0_r in O.
  destruct O as [[Op Ob] | Ob]; [apply opd_0 in Op; rewrite Op in Ob|]; rewrite Rplus_0_r in Ob; apply (opd_0 _ Ob).
Qed.

Theorem directed_ev t a b : kernel_d t a b -> ev w kd kadd 0 false t a b /\ facts_a t a /\ facts_b t b.
Proof.
  assert (N : forall l r a1 b1 a2 b2 a p b, ev w kd kadd 0 false l a1 b1 /\ facts_a l a1 /\ facts_b l b1 ->
    ev w kd kadd 0 false r a2 b2 /\ facts_a r a2 /\ facts_b r b2 -> opd (a2 * a1) a ->
    (opd (a2 * b1) p /\ opd (p + b2) b \/ opd (a2 * b1 + b2) b) ->
    ev w kd kadd 0 false (Node l r) a b /\ facts_a (Node l r) a /\ facts_b (Node l r) b).
  { clear t a b; intros l r a1 b1 a2 b2 a p b (El & Al & Bl) (Er & Ar & Br) Oa Ob.
    destruct (node_a_d _ _ _ _ _ Al Ar Oa) as ((da & ea & Ea & Hda & Hea) & Fa).
    split; [|split; [exact Fa|apply (node_zero_d _ _ _ _ _ _ _ Bl Br Ob)]].
    assert (B : node_bd l r a2 b1 b2 b).
    { destruct (Nat.eq_dec (tz l * tz r) 0) as [Z|Z]; [apply (node_silent _ _ _ _ _ p)|apply (node_loud _ _ _ _ _ p)]; assumption. }
    destruct B as (d & eb & e & f & -> & Hd & Heb & He & H0 & Hf); rewrite Ea.
    apply ev_node with (c2 := Rabs b2); auto; [left; reflexivity|].
    intros [K|K]; [discriminate|]; rewrite (H0 K), Rabs_R0; split; [|apply Rabs_pos].
    pose proof (on_pos (tm r) w w_pos); pose proof (on_pos (tz l) kd kd_pos).
    pose proof (Rmult_le_pos (1 + on (tm r) w) _ ltac:(lra) (Rabs_pos (a2 * b1))); lra. }
  induction 1 as [x a b Ha Hb | l r a1 b1 a2 b2 a p b _ IH1 _ IH2 Oa Op Ob | l r a1 b1 a2 b2 a b _ IH1 _ IH2 Oa Ob].
  - split; [|split; [apply (leaf_facts_a _ _ _ _ _ _ Ha)|apply (leaf_facts_b _ _ _ _ _ Hb)]].
    apply ev_leaf; [rewrite Rplus_0_r; apply Ha|].
    replace (on (bit (lz x)) 0) with 0 by (destruct (lz x); reflexivity); rewrite Rplus_0_r; apply Hb.
  - apply (N _ _ _ _ _ _ _ p _ IH1 IH2 Oa); left; split; assumption.
  - apply (N _ _ _ _ _ _ _ 0 _ IH1 IH2 Oa); right; exact Ob.
Qed.

Theorem directed_bound t a b e m mh s x u n : kernel_d t a b -> upper w kd kadd 0 (lv t) e m mh s x u ->
  (depth t <= n)%nat \/ n = Nat.pred (nz (lv t)) ->
  Rabs (b - hx (lv t)) <= theorem1_value w n e m + Gamma w (lv t) * u.
Proof.
  intros K U Hn; destruct (directed_ev _ _ _ K) as [E _].
  assert (w1 : w <= 1) by (change 1 with (bpow radix2 0); apply bpow_le; unfold Prec_gt_0 in *; lia).
  destruct (allowance_sound w kd kadd 0 false w_pos w1 kd_pos (kadd_pos prec emin ftz) (Rle_refl 0)
    _ _ _ _ _ _ _ _ _ E U) as (H & _); apply H, Hn.
Qed.
End Directed.
