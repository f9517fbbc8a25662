(** Errors of inexact values through the operations around a scan.

    Main results: [rounded_rule] (one rounding), [product_rule], [quotient_rule], [sum_rule] (a sum of n
    terms in any order, with or without fused products, gradual or flushing).
    An inexact value is (x, e): x exact, |computed - x| <= e; m >= |x| is what is known of its size.
    Depends on: RoundingIEEE. *)
From Coq Require Import Reals ZArith List Arith Lia Lra Psatz.
From Flocq Require Import Core.
From Exactscan Require Import RoundingIEEE.
Open Scope R_scope.

Section Calculus.
Variables (prec emin : Z) (choice : Z -> bool) (ftz : bool).
Context {prec_pos : Prec_gt_0 prec}.
Notation op := (op prec emin choice ftz).
Notation v := (v prec).
Notation kmul := (kmul prec emin ftz).
Notation kadd := (kadd prec emin ftz).

Lemma Rmin_mono k x y : x <= y -> Rmin k x <= Rmin k y.
Proof. intros H; unfold Rmin; repeat destruct Rle_dec; lra. Qed.

(** What one operation loses: relatively, or absolutely at most min(κ, |x|). *)
Lemma op_error x r : op x r -> Rabs (r - x) <= v * Rabs x + Rmin kmul (Rabs x).
Proof.
  pose proof (v_pos prec); pose proof (kmul_pos prec emin ftz); pose proof (Rabs_pos x).
  assert (0 <= v * Rabs x) by (apply Rmult_le_pos; assumption).
  assert (0 <= Rmin kmul (Rabs x)) by (apply Rmin_glb; assumption).
  intros [-> | (F & L & ->)].
  - destruct (near_v prec emin choice x) as (d & e & E & Hd & He & Z).
    apply Rmult_integral in Z; destruct Z as [-> | ->].
    + assert (Rabs (RN prec emin choice x - x) <= Rmin kmul (Rabs x)); [|lra].
      apply Rmin_glb.
      * rewrite E; replace (x * (1 + 0) + e - x) with e by ring.
        apply Rle_trans with (1 := He), (half_eta_le_kmul prec emin ftz).
      * destruct (round_N_pt radix2 (fexp prec emin) choice x) as [_ Near].
        apply Rle_trans with (1 := Near 0 (format_0 prec emin)).
        replace (0 - x) with (- x) by ring; rewrite Rabs_Ropp; lra.
    + rewrite E; replace (x * (1 + d) + 0 - x) with (x * d) by ring; rewrite Rabs_mult, Rmult_comm.
      pose proof (Rmult_le_compat_r _ _ _ H1 Hd); lra.
  - replace (0 - x) with (- x) by ring; rewrite Rabs_Ropp.
    assert (Rabs x <= Rmin kmul (Rabs x)); [|lra].
    apply Rmin_glb; [|lra]; unfold RoundingIEEE.kmul; rewrite F; lra.
Qed.

Theorem rounded_rule x m e xh r : Rabs x <= m -> Rabs (xh - x) <= e -> op xh r ->
  Rabs (r - x) <= e + v * (m + e) + Rmin kmul (m + e).
Proof.
  intros Hm He O; pose proof (op_error _ _ O) as H.
  assert (Hx : Rabs xh <= m + e).
  { replace xh with ((xh - x) + x) by ring; apply Rle_trans with (1 := Rabs_triang _ _); lra. }
  replace (r - x) with ((r - xh) + (xh - x)) by ring; apply Rle_trans with (1 := Rabs_triang _ _).
  pose proof (Rmult_le_compat_l v _ _ (v_pos prec) Hx).
  pose proof (Rmin_mono kmul _ _ Hx); lra.
Qed.

Theorem product_rule x mx ex xh y my ey yh : Rabs x <= mx -> Rabs y <= my ->
  Rabs (xh - x) <= ex -> Rabs (yh - y) <= ey ->
  Rabs (xh * yh - x * y) <= mx * ey + ex * (my + ey).
Proof.
  intros Hx Hy Ex Ey.
  assert (Rabs yh <= my + ey).
  { replace yh with ((yh - y) + y) by ring; apply Rle_trans with (1 := Rabs_triang _ _); lra. }
  replace (xh * yh - x * y) with (x * (yh - y) + (xh - x) * yh) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _); rewrite !Rabs_mult.
  apply Rplus_le_compat; apply Rmult_le_compat; auto using Rabs_pos.
Qed.

(** Where the divisor may be 0 nothing is promised. *)
Theorem quotient_rule x ex xh y ey yh : 0 < Rabs y - ey ->
  Rabs (xh - x) <= ex -> Rabs (yh - y) <= ey ->
  Rabs (xh / yh - x / y) <= (ex + Rabs (x / y) * ey) / (Rabs y - ey).
Proof.
  intros Hd Ex Ey; pose proof (Rabs_pos (yh - y)).
  assert (Hyh : Rabs y - ey <= Rabs yh).
  { assert (Rabs y <= Rabs yh + Rabs (yh - y)); [|lra].
    replace y with (yh + - (yh - y)) at 1 by ring.
    apply Rle_trans with (1 := Rabs_triang _ _); rewrite Rabs_Ropp; lra. }
  assert (Ny : y <> 0) by (intros ->; rewrite Rabs_R0 in *; lra).
  assert (Nyh : yh <> 0) by (intros ->; rewrite Rabs_R0 in *; lra).
  replace (xh / yh - x / y) with (((xh - x) - x / y * (yh - y)) / yh) by (field; split; assumption).
  unfold Rdiv at 1; rewrite Rabs_mult, Rabs_inv.
  unfold Rdiv at 3; apply Rmult_le_compat; [apply Rabs_pos|left; apply Rinv_0_lt_compat; lra| |].
  - apply Rle_trans with (1 := Rabs_triang _ _); rewrite Rabs_Ropp, Rabs_mult.
    pose proof (Rmult_le_compat_l _ _ _ (Rabs_pos (x / y)) Ey); lra.
  - apply Rinv_le; lra.
Qed.

(** ** Sums *)
Inductive stree := Term (x m e : R) | Sum (l r : stree).
Fixpoint exact t := match t with Term x _ _ => x | Sum l r => exact l + exact r end.
Fixpoint size t := match t with Term _ m e => m + e | Sum l r => size l + size r end.
Fixpoint errors t := match t with Term _ _ e => e | Sum l r => errors l + errors r end.
Fixpoint additions t := match t with Term _ _ _ => 0%nat | Sum l r => (additions l + additions r + 1)%nat end.
Fixpoint height t := match t with Term _ _ _ => 0%nat | Sum l r => S (Nat.max (height l) (height r)) end.

(** A term holds a number of the format, or a product whose rounding is left to the sum it is fused into. *)
Definition term x m e xh := Rabs x <= m /\ Rabs (xh - x) <= e.
Definition fused_term x m e y :=
  Rabs x <= m /\ Rabs y <= m + e /\
  forall d k, Rabs d <= v -> Rabs k <= kmul -> Rabs (y * (1 + d) + k - x) <= e.

Inductive summed : stree -> R -> Prop :=
| summed_term x m e xh : term x m e xh -> format prec emin xh -> summed (Term x m e) xh
| summed_sum l r a b c : summed l a -> summed r b -> op (a + b) c -> summed (Sum l r) c
| summed_fused_r l x m e a y c : summed l a -> fused_term x m e y -> op (y + a) c -> summed (Sum l (Term x m e)) c
| summed_fused_l r x m e y b c : fused_term x m e y -> summed r b -> op (y + b) c -> summed (Sum (Term x m e) r) c.

Notation q := (1 + v).
Lemma q1 n : 1 <= q ^ n. Proof. apply pow_R1_Rle; pose proof (v_pos prec); lra. Qed.
Lemma q_le m n x : 0 <= x -> (m <= n)%nat -> q ^ m * x <= q ^ n * x.
Proof.
  intros Hx H; apply Rmult_le_compat_r; [exact Hx|].
  apply Rle_pow; [pose proof (v_pos prec); lra|exact H].
Qed.

Lemma sum_step x y r : format prec emin x -> format prec emin y -> op (x + y) r ->
  Rabs r <= q * (Rabs x + Rabs y) /\
  Rabs (r - (x + y)) <= v * (Rabs x + Rabs y) + Rmin kadd (Rabs x + Rabs y).
Proof.
  intros Fx Fy O; pose proof (v_pos prec) as Hv; pose proof (kadd_pos prec emin ftz) as Hk.
  pose proof (Rabs_triang x y) as T; pose proof (Rabs_pos x); pose proof (Rabs_pos y); pose proof (Rabs_pos (x + y)).
  pose proof (Rmult_le_compat_l v _ _ Hv T).
  assert (0 <= v * Rabs (x + y)) by (apply Rmult_le_pos; assumption).
  assert (0 <= Rmin kadd (Rabs x + Rabs y)) by (apply Rmin_glb; lra).
  destruct O as [E | (F & L & ->)].
  - destruct (sum_loss prec emin choice false x y r Fx Fy (or_introl E)) as (e & f & Er & H5 & _ & _ & H6).
    assert (f = 0) by (unfold RoundingIEEE.kadd in H6; apply Rabs_eq_R0; pose proof (Rabs_pos f); lra); subst f.
    rewrite Er, Rplus_0_r; split.
    + apply Rle_trans with (1 := Rabs_triang _ _); lra.
    + replace (x + y + e - (x + y)) with e by ring; lra.
  - rewrite Rabs_R0; split; [lra|].
    replace (0 - (x + y)) with (- (x + y)) by ring; rewrite Rabs_Ropp.
    assert (Rabs (x + y) <= Rmin kadd (Rabs x + Rabs y)); [|lra].
    apply Rmin_glb; [unfold RoundingIEEE.kadd; rewrite F; lra|exact T].
Qed.

(** The same where one part is a product fused into the sum: it acts as a rounded term [xh]. *)
Lemma fused_step x m e y z r : fused_term x m e y -> format prec emin z -> op (y + z) r ->
  exists xh, term x m e xh /\ Rabs r <= q * (m + e + Rabs z) /\
  Rabs (r - (xh + z)) <= v * (m + e + Rabs z) + Rmin kadd (m + e + Rabs z).
Proof.
  intros (Hx & Hy & Hall) Fz O; pose proof (v_pos prec) as Hv; pose proof (kadd_pos prec emin ftz) as Hk.
  pose proof (Rabs_pos z); pose proof (Rabs_pos y).
  assert (Hs : Rabs (y + z) <= m + e + Rabs z) by (apply Rle_trans with (1 := Rabs_triang _ _); lra).
  assert (0 <= v * (m + e + Rabs z)) by (apply Rmult_le_pos; lra).
  assert (0 <= Rmin kadd (m + e + Rabs z)) by (apply Rmin_glb; lra).
  destruct O as [E | (F & L & ->)].
  - destruct (fused_loss prec emin choice false v y z r Hv (near_v _ _ _ y) Fz (or_introl E))
      as (d & k & e2 & f & Er & Hd & Hk2 & He & _ & _ & Hf).
    assert (f = 0) by (unfold RoundingIEEE.kadd in Hf; apply Rabs_eq_R0; pose proof (Rabs_pos f); lra); subst f.
    assert (T : Rabs (y * (1 + d) + k - x) <= e).
    { apply Hall; [exact Hd|apply Rle_trans with (1 := Hk2), (half_eta_le_kmul prec emin ftz)]. }
    exists (y * (1 + d) + k); split; [split; assumption|].
    pose proof (Rmult_le_compat_l v _ _ Hv Hs).
    assert (Rabs (y * (1 + d) + k) <= m + e).
    { replace (y * (1 + d) + k) with ((y * (1 + d) + k - x) + x) by ring.
      apply Rle_trans with (1 := Rabs_triang _ _); lra. }
    rewrite Er, Rplus_0_r; split.
    + apply Rle_trans with (1 := Rabs_triang _ _); pose proof (Rabs_triang (y * (1 + d) + k) z); lra.
    + replace (y * (1 + d) + k + z + e2 - (y * (1 + d) + k + z)) with e2 by ring; lra.
  - exists y; split; [split; [exact Hx|]|].
    + pose proof (Hall 0 0) as A; rewrite Rabs_R0 in A.
      replace (y * (1 + 0) + 0 - x) with (y - x) in A by ring; apply A; [exact Hv|apply (kmul_pos prec emin ftz)].
    + rewrite Rabs_R0; split; [lra|].
      replace (0 - (y + z)) with (- (y + z)) by ring; rewrite Rabs_Ropp.
      assert (Rabs (y + z) <= Rmin kadd (m + e + Rabs z)); [|lra].
      apply Rmin_glb; [unfold RoundingIEEE.kadd; rewrite F; lra|exact Hs].
Qed.

(** What is kept of a part: size, deviation. *)
Definition good t c :=
  Rabs c <= q ^ height t * size t /\ 0 <= size t /\
  Rabs (c - exact t) <= errors t + (q ^ height t - 1) * size t
                        + INR (additions t) * Rmin kadd (q ^ height t * size t).

Lemma good_term x m e xh : term x m e xh -> good (Term x m e) xh.
Proof.
  intros [Hx He]; unfold good; simpl; rewrite !Rmult_1_l, Rmult_0_l.
  pose proof (Rabs_pos x); pose proof (Rabs_pos (xh - x)).
  assert (Rabs xh <= m + e); [|lra].
  replace xh with ((xh - x) + x) by ring; apply Rle_trans with (1 := Rabs_triang _ _); lra.
Qed.

Lemma good_sum l r a b c X : good l a -> good r b -> Rabs a + Rabs b <= X ->
  X <= q ^ Nat.max (height l) (height r) * (size l + size r) ->
  Rabs c <= q * X -> Rabs (c - (a + b)) <= v * X + Rmin kadd X -> good (Sum l r) c.
Proof.
  intros (A1 & A2 & A3) (B1 & B2 & B3) HX HXW Hc He.
  set (h := Nat.max (height l) (height r)) in *; set (W := size l + size r) in *.
  pose proof (v_pos prec) as Hv; pose proof (kadd_pos prec emin ftz) as Hk.
  assert (HW : 0 <= W) by (unfold W; lra); pose proof (q1 h) as Hq.
  assert (0 <= q ^ h * W) by (apply Rmult_le_pos; lra).
  assert (Hmin : forall y, y <= q ^ h * W -> Rmin kadd y <= Rmin kadd (q * (q ^ h * W))).
  { intros y Hy; apply Rmin_mono; pose proof (Rmult_le_pos _ _ Hv H); lra. }
  assert (Hhl : (height l <= h)%nat) by (unfold h; lia); assert (Hhr : (height r <= h)%nat) by (unfold h; lia).
  assert (Hl : q ^ height l * size l <= q ^ h * W).
  { apply Rle_trans with (1 := q_le _ h _ A2 Hhl); apply Rmult_le_compat_l; unfold W; lra. }
  assert (Hr : q ^ height r * size r <= q ^ h * W).
  { apply Rle_trans with (1 := q_le _ h _ B2 Hhr); apply Rmult_le_compat_l; unfold W; lra. }
  unfold good; cbn [height size exact errors additions]; fold h; fold W.
  replace (q ^ S h) with (q * q ^ h) by reflexivity; rewrite !Rmult_assoc.
  assert (Hq0 : 0 <= q) by lra.
  pose proof (Rmult_le_compat_l _ _ _ Hq0 HXW); pose proof (Rmult_le_compat_l v _ _ Hv HXW).
  split; [lra|split; [exact HW|]].
  replace (c - (exact l + exact r)) with ((c - (a + b)) + ((a - exact l) + (b - exact r))) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _).
  pose proof (Rabs_triang (a - exact l) (b - exact r)).
  pose proof (Rmult_le_compat_l _ _ _ (pos_INR (additions l)) (Hmin _ Hl)).
  pose proof (Rmult_le_compat_l _ _ _ (pos_INR (additions r)) (Hmin _ Hr)).
  pose proof (Hmin _ HXW); rewrite !plus_INR; simpl (INR 1).
  pose proof (q_le (height l) h (size l) A2 Hhl); pose proof (q_le (height r) h (size r) B2 Hhr).
  replace (q ^ h * W) with (q ^ h * size l + q ^ h * size r) in * by (unfold W; ring).
  unfold W in *; lra.
Qed.

Lemma parts_le l r a b : good l a -> good r b ->
  Rabs a + Rabs b <= q ^ Nat.max (height l) (height r) * (size l + size r).
Proof.
  intros (A1 & A2 & _) (B1 & B2 & _); rewrite Rmult_plus_distr_l; apply Rplus_le_compat.
  - apply Rle_trans with (1 := A1), q_le; [exact A2|lia].
  - apply Rle_trans with (1 := B1), q_le; [exact B2|lia].
Qed.

Lemma term_le x m e xh : term x m e xh -> Rabs xh <= m + e.
Proof.
  intros [Hx He]; replace xh with ((xh - x) + x) by ring; apply Rle_trans with (1 := Rabs_triang _ _); lra.
Qed.

Lemma summed_good t c : summed t c -> good t c /\ format prec emin c.
Proof.
  induction 1 as [x m e xh Ht F | l r a b c _ [Gl Fl] _ [Gr Fr] O
    | l x m e a y c _ [Gl Fl] Hy O | r x m e y b c Hy _ [Gr Fr] O].
  - split; [apply good_term, Ht|exact F].
  - split; [|apply (op_format _ _ _ _ _ _ O)]; destruct (sum_step _ _ _ Fl Fr O) as [H1 H2].
    apply good_sum with (1 := Gl) (2 := Gr) (5 := H1) (6 := H2); [lra|apply parts_le; assumption].
  - split; [|apply (op_format _ _ _ _ _ _ O)]; destruct (fused_step _ _ _ _ _ _ Hy Fl O) as (xh & Ht & H1 & H2).
    pose proof (good_term _ _ _ _ Ht) as Gt; pose proof (term_le _ _ _ _ Ht).
    rewrite (Rplus_comm xh a) in H2.
    apply good_sum with (1 := Gl) (2 := Gt) (5 := H1); [lra| |exact H2].
    destruct Gl as (A1 & A2 & _); destruct Gt as (_ & B2 & _); cbn [height size] in *.
    rewrite Nat.max_0_r, Rmult_plus_distr_l; pose proof (q1 (height l)).
    pose proof (Rmult_le_compat_r (m + e) _ _ B2 H0); lra.
  - split; [|apply (op_format _ _ _ _ _ _ O)]; destruct (fused_step _ _ _ _ _ _ Hy Fr O) as (xh & Ht & H1 & H2).
    pose proof (good_term _ _ _ _ Ht) as Gt; pose proof (term_le _ _ _ _ Ht).
    apply good_sum with (1 := Gt) (2 := Gr) (5 := H1) (6 := H2); [lra|].
    destruct Gr as (A1 & A2 & _); destruct Gt as (_ & B2 & _); cbn [height size] in *.
    rewrite Nat.max_0_l, Rmult_plus_distr_l; pose proof (q1 (height r)).
    pose proof (Rmult_le_compat_r (m + e) _ _ B2 H0); lra.
Qed.

Lemma height_le t : (height t <= additions t)%nat.
Proof. induction t; simpl; lia. Qed.

(** [n]: any bound on the additions that one term passes; the number of additions always is. *)
Theorem sum_rule t c n : summed t c -> (height t <= n)%nat ->
  Rabs (c - exact t) <= errors t + (q ^ n - 1) * size t + INR (additions t) * Rmin kadd (q ^ n * size t).
Proof.
  intros S Hn; destruct (summed_good _ _ S) as [(_ & HW & H) _]; apply Rle_trans with (1 := H).
  pose proof (q_le _ _ _ HW Hn).
  pose proof (Rmult_le_compat_l _ _ _ (pos_INR (additions t)) (Rmin_mono kadd _ _ H0)); lra.
Qed.
End Calculus.
