(** One complex product and one complex multiply-add in a binary format, in every form.

    Main results: [complex_product_error], [complex_node_error], [complex_leaf_error] (c a product fused into the sum). A product is four products and two sums, each
    part with or without a fused operation. A node a b + c adds c to the product, or to one product of a part
    before the other; every operation may be fused, each part chooses on its own.
    With mu = 2.31: the product loses at most mu v |a b|, the node in addition twice what a real sum can, and kicks.
    Needs v <= 2^-12 (binary32, binary64). The product by three multiplications is not a form of it.
    Depends on: RoundingIEEE, Calculus (one operation's error), Complex. *)
From Coq Require Import Reals ZArith Lra Psatz.
From Flocq Require Import Core.
From Exactscan Require Import RoundingIEEE Calculus Complex.
Open Scope R_scope.

Section Node.
Variables (prec emin : Z) (choice : Z -> bool) (ftz : bool).
Context {prec_pos : Prec_gt_0 prec}.
Notation op := (op prec emin choice ftz).
Notation format := (format prec emin).
Notation v := (v prec).
Notation km := (kmul prec emin ftz).
Notation ka := (kadd prec emin ftz).

(** A part x + y of a product. *)
Inductive part x y r : Prop :=
| part_separate p q : op x p -> op y q -> op (p + q) r -> part x y r
| part_fused_l q : op y q -> op (x + q) r -> part x y r
| part_fused_r p : op x p -> op (p + y) r -> part x y r.
(** A product x added to s. *)
Inductive joined x s r : Prop :=
| joined_separate p : op x p -> op (p + s) r -> joined x s r
| joined_fused : op (x + s) r -> joined x s r.
(** A part of a node: x + y + c. *)
Inductive node_part x y c r : Prop :=
| node_product p : part x y p -> op (p + c) r -> node_part x y c r
| node_first s : joined x c s -> joined y s r -> node_part x y c r
| node_second s : joined y c s -> joined x s r -> node_part x y c r.

(** The same where c is a product z that is fused into the sum. *)
Inductive leaf_part x y z r : Prop :=
| leaf_product p : part x y p -> op (z + p) r -> leaf_part x y z r
| leaf_first p s : op x p -> op (z + p) s -> joined y s r -> leaf_part x y z r
| leaf_second p s : op y p -> op (z + p) s -> joined x s r -> leaf_part x y z r.
(** A number that z may be rounded to. *)
Definition rounds_to z c := exists d e, c = z * (1 + d) + e /\ Rabs d <= v /\ Rabs e <= km.

Lemma ka_le_km : ka <= km.
Proof. unfold kadd, kmul; destruct ftz; [lra|pose proof (bpow_gt_0 radix2 emin); unfold eta; lra]. Qed.

Lemma op_loses x r : op x r -> Rabs (r - x) <= v * Rabs x + km.
Proof.
  intros H; apply Rle_trans with (1 := op_error prec emin choice ftz x r H), Rplus_le_compat_l, Rmin_l.
Qed.

Lemma abs_near x r e : Rabs (r - x) <= e -> Rabs r <= Rabs x + e.
Proof. intros H; replace r with (x + (r - x)) by ring; apply Rle_trans with (1 := Rabs_triang _ _); lra. Qed.

Lemma scaled x y : x <= y -> v * x <= v * y.
Proof. intros; apply Rmult_le_compat_l; [apply v_pos|assumption]. Qed.

Lemma sum_near x y e : Rabs (y - x) <= e -> Rabs y <= Rabs x + e.
Proof. intros H; replace y with (x + (y - x)) by ring; apply Rle_trans with (1 := Rabs_triang _ _); lra. Qed.

Ltac bounds :=
  repeat match goal with H : Rabs _ <= _ |- _ => apply Rabs_le_inv in H end; apply Rabs_le; split; lra.

Lemma constants : 0 <= v /\ 0 <= km /\ 0 <= ka /\ ka <= km /\ 0 <= v * km /\ 0 <= v * ka.
Proof.
  pose proof (v_pos prec); pose proof (kmul_pos prec emin ftz); pose proof (kadd_pos prec emin ftz); pose proof ka_le_km.
  repeat split; auto using Rmult_le_pos.
Qed.

(** What one product that is joined to a number of the format loses: t is the product's, e the sum's. *)
Lemma joined_error x s r : format s -> joined x s r ->
  exists t e, r = x + s + t + e /\ Rabs t <= v * Rabs x + km + ka /\
    Rabs e <= v * Rabs (x + s) + v * (v * Rabs x + km) /\ Rabs e <= (1 + v) * Rabs x + km /\ Rabs e <= Rabs s.
Proof.
  destruct constants as (Hv & Hk & Ha & Hak & Hvk & Hva); pose proof (Rmult_le_pos _ _ Hv (Rabs_pos x)) as Hvx.
  pose proof (Rmult_le_pos _ _ Hv Hvx) as Hvvx; intros Fs [p Hp Hr | Hr].
  - pose proof (op_loses _ _ Hp) as Np; pose proof (sum_near _ _ _ Np) as Sp.
    destruct (sum_loss prec emin choice ftz p s r (op_format _ _ _ _ _ _ Hp) Fs Hr) as (e & f & -> & He & H1 & H2 & Hf).
    exists (p - x + f), e; repeat split; [ring| | |lra|exact H2].
    + apply Rle_trans with (1 := Rabs_triang _ _); lra.
    + assert (N : Rabs (p + s - (x + s)) <= v * Rabs x + km) by (replace (p + s - (x + s)) with (p - x) by ring; exact Np).
      pose proof (scaled _ _ (sum_near _ _ _ N)); lra.
  - destruct (fused_loss prec emin choice ftz v x s r Hv (near_v _ _ _ x) Fs Hr)
      as (d & eb & e & f & -> & Hd & Heb & He & H1 & H2 & Hf).
    exists (x * d + eb + f), e; repeat split; [ring| |lra|lra|exact H2].
    pose proof (Rabs_triang (x * d + eb) f); pose proof (Rabs_triang (x * d) eb); rewrite Rabs_mult in *.
    pose proof (Rmult_le_compat_l _ _ _ (Rabs_pos x) Hd); lra.
Qed.

Lemma joined_format x s r : joined x s r -> format r.
Proof. intros [p _ H | H]; apply (op_format _ _ _ _ _ _ H). Qed.
Lemma part_format x y r : part x y r -> format r.
Proof. intros [p q _ _ H | q _ H | p _ H]; apply (op_format _ _ _ _ _ _ H). Qed.

Lemma part_error x y r : part x y r ->
  Rabs (r - (x + y)) <= v * (Rabs x + Rabs y + Rabs (x + y)) + v * v * (Rabs x + Rabs y) + 2 * (1 + v) * km + ka.
Proof.
  destruct constants as (Hv & Hk & Ha & Hak & Hvk & Hva).
  assert (F : forall x y q r, op y q -> op (x + q) r ->
    Rabs (r - (x + y)) <= v * (Rabs y + Rabs (x + y)) + v * v * Rabs y + (2 + v) * km).
  { clear x y r; intros x y q r Hq Hr; apply op_loses in Hq; apply op_loses in Hr.
    assert (N : Rabs (x + q - (x + y)) <= v * Rabs y + km) by (replace (x + q - (x + y)) with (q - y) by ring; exact Hq).
    pose proof (scaled _ _ (sum_near _ _ _ N)); bounds. }
  pose proof (Rmult_le_pos _ _ Hv (Rabs_pos x)) as Hvx; pose proof (Rmult_le_pos _ _ Hv (Rabs_pos y)) as Hvy.
  pose proof (Rmult_le_pos _ _ Hv Hvx); pose proof (Rmult_le_pos _ _ Hv Hvy).
  intros [p q Hp Hq Hr | q Hq Hr | p Hp Hr].
  - destruct (sum_loss prec emin choice ftz p q r (op_format _ _ _ _ _ _ Hp) (op_format _ _ _ _ _ _ Hq) Hr)
      as (e & f & -> & He & _ & _ & Hf); apply op_loses in Hp; apply op_loses in Hq.
    assert (N : Rabs (p + q - (x + y)) <= v * (Rabs x + Rabs y) + 2 * km) by bounds.
    pose proof (scaled _ _ (sum_near _ _ _ N)); bounds.
  - apply Rle_trans with (1 := F _ _ _ _ Hq Hr); lra.
  - rewrite (Rplus_comm p) in Hr; pose proof (F _ _ _ _ Hp Hr) as B; rewrite (Rplus_comm y x) in B.
    apply Rle_trans with (1 := B); lra.
Qed.

(** Three bounds of a part of a node, each for all forms; c is the size that the sum sees. *)
Definition bound_any x y c :=
  v * (2 * (Rabs x + Rabs y) + Rabs (x + y)) + 4 * (v * v) * (Rabs x + Rabs y) + v * (2 + 2 * v) * Rabs c + (2 + 5 * v) * (km + ka).
Definition bound_product x y := (1 + 5 * v) * (Rabs x + Rabs y) + 5 * (km + ka).
Definition bound_summand x y c :=
  v * (Rabs x + Rabs y + Rabs (x + y)) + v * v * (Rabs x + Rabs y) + (1 + 3 * v) * Rabs c + (2 + 5 * v) * (km + ka).

(** The first sum's result x + c + t + e, from c that is no larger than [z] and a rounding. *)
Lemma ordered_error x y c z s t e r : v <= / 4 -> format s -> s = x + c + t + e ->
  Rabs c <= (1 + v) * Rabs z + km -> Rabs t <= v * Rabs x + km + ka ->
  Rabs e <= v * (Rabs x + Rabs z) + v * (v * Rabs x + km) -> Rabs e <= (1 + v) * Rabs x + km -> Rabs e <= Rabs z ->
  joined y s r ->
  let E := Rabs (r - (x + y + c)) in E <= bound_any x y z /\ E <= bound_product x y /\ E <= bound_summand x y z.
Proof.
  intros Hv4 Fs Es Hc Ht1 A1 B1 C1 H2 E; unfold E; destruct constants as (Hv & Hk & Ha & Hak & Hvk & Hva).
  destruct (joined_error _ _ _ Fs H2) as (t2 & e2 & -> & Ht2 & A2 & B2 & C2); subst s.
  pose proof (Rabs_pos x) as Px; pose proof (Rabs_pos y) as Py; pose proof (Rabs_pos z) as Pc.
  pose proof (Rmult_le_pos _ _ Hv Px) as Hvx; pose proof (Rmult_le_pos _ _ Hv Py) as Hvy.
  pose proof (Rmult_le_pos _ _ Hv Pc) as Hvc; pose proof (Rmult_le_pos _ _ Hv Hvc) as Hvvc.
  pose proof (Rmult_le_pos _ _ Hv Hvx) as Hvvx; pose proof (Rmult_le_pos _ _ Hv Hvy) as Hvvy.
  pose proof (Rmult_le_pos _ _ Hv Hvvx) as Hv3x; pose proof (Rmult_le_pos _ _ Hv Hvk) as Hvvk.
  pose proof (Rmult_le_compat_r _ _ _ Hvvx Hv4); pose proof (Rmult_le_compat_r _ _ _ Hvk Hv4).
  pose proof (Rmult_le_compat_r _ _ _ Hvx Hv4); pose proof (Rmult_le_compat_r _ _ _ Hvy Hv4).
  pose proof (Rmult_le_compat_r _ _ _ Hvc Hv4).
  pose proof (Rabs_triang (x + y) c) as Txyc.
  assert (N : Rabs (y + (x + c + t + e)) <= Rabs (x + y) + ((1 + v) * Rabs z + km) + (v * Rabs x + km + ka) + Rabs e).
  { replace (y + (x + c + t + e)) with ((x + y + c) + t + e) by ring.
    pose proof (Rabs_triang (x + y + c + t) e); pose proof (Rabs_triang (x + y + c) t); lra. }
  apply scaled in N.
  assert (Tot : Rabs (y + (x + c + t + e) + t2 + e2 - (x + y + c)) <= Rabs t + Rabs e + Rabs t2 + Rabs e2).
  { replace (y + (x + c + t + e) + t2 + e2 - (x + y + c)) with (t + e + t2 + e2) by ring.
    pose proof (Rabs_triang (t + e + t2) e2); pose proof (Rabs_triang (t + e) t2); pose proof (Rabs_triang t e); lra. }
  pose proof (scaled _ _ A1) as A1v; pose proof (scaled _ _ C1) as C1v.
  unfold bound_any, bound_product, bound_summand; repeat split; apply Rle_trans with (1 := Tot); lra.
Qed.

Lemma swapped x y c z r :
  (let E := Rabs (r - (y + x + c)) in E <= bound_any y x z /\ E <= bound_product y x /\ E <= bound_summand y x z) ->
  let E := Rabs (r - (x + y + c)) in E <= bound_any x y z /\ E <= bound_product x y /\ E <= bound_summand x y z.
Proof.
  cbv zeta; unfold bound_any, bound_product, bound_summand; rewrite (Rplus_comm y x), (Rplus_comm (Rabs y)); auto.
Qed.

Lemma node_ordered x y c s r : v <= / 4 -> format c -> joined x c s -> joined y s r ->
  let E := Rabs (r - (x + y + c)) in E <= bound_any x y c /\ E <= bound_product x y /\ E <= bound_summand x y c.
Proof.
  intros Hv4 Fc H1 H2; destruct constants as (Hv & Hk & _).
  destruct (joined_error _ _ _ Fc H1) as (t & e & Es & T & A & B & C).
  pose proof (Rmult_le_pos _ _ Hv (Rabs_pos c)); pose proof (scaled _ _ (Rabs_triang x c)).
  apply ordered_error with (s := s) (t := t) (e := e); auto; try lra; apply (joined_format _ _ _ H1).
Qed.

Lemma leaf_ordered x y z p s r : v <= / 4 -> op x p -> op (z + p) s -> joined y s r -> exists c, rounds_to z c /\
  let E := Rabs (r - (x + y + c)) in E <= bound_any x y z /\ E <= bound_product x y /\ E <= bound_summand x y z.
Proof.
  intros Hv4 Hp Hs H2; destruct constants as (Hv & Hk & Ha & _).
  pose proof (op_loses _ _ Hp) as Np; pose proof (sum_near _ _ _ Np) as Sp.
  destruct (fused_loss prec emin choice ftz v z p s Hv (near_v _ _ _ z) (op_format _ _ _ _ _ _ Hp) Hs)
    as (d & eb & e & f & Es & Hd & Heb & He & H3 & H4 & Hf).
  exists (z * (1 + d) + eb); split; [exists d, eb; auto|].
  assert (Hc : Rabs (z * (1 + d) + eb) <= (1 + v) * Rabs z + km).
  { pose proof (Rabs_triang (z * (1 + d)) eb); rewrite Rabs_mult in *; pose proof (Rabs_triang 1 d); rewrite Rabs_R1 in *.
    pose proof (Rmult_le_compat_l (Rabs z) (Rabs (1 + d)) (1 + v) (Rabs_pos z) ltac:(lra)); lra. }
  assert (Hzp : Rabs (z + p) <= Rabs x + Rabs z + (v * Rabs x + km)) by (pose proof (Rabs_triang z p); lra).
  apply scaled in Hzp.
  apply ordered_error with (s := s) (t := p - x + f) (e := e); auto; try lra.
  - apply (op_format _ _ _ _ _ _ Hs).
  - pose proof (Rabs_triang (p - x) f); lra.
Qed.

(** A part added to c as a whole: e is the sum's error. *)
Lemma product_error x y c z p e f r : v <= / 4 -> part x y p -> r = p + c + e + f ->
  Rabs e <= v * (Rabs p + Rabs z) -> Rabs e <= Rabs p -> Rabs e <= Rabs z -> Rabs f <= ka ->
  let E := Rabs (r - (x + y + c)) in E <= bound_any x y z /\ E <= bound_product x y /\ E <= bound_summand x y z.
Proof.
  intros Hv4 Hp Er A B C Hf E; unfold E; destruct constants as (Hv & Hk & Ha & Hak & Hvk & Hva).
  pose proof (part_error _ _ _ Hp) as P; set (ep := p - (x + y)) in *.
  assert (Ep : Rabs p <= Rabs (x + y) + Rabs ep).
  { replace p with (x + y + ep) by (unfold ep; ring); apply Rabs_triang. }
  pose proof (Rabs_pos x) as Px; pose proof (Rabs_pos y) as Py; pose proof (Rabs_pos z) as Pc; pose proof (Rabs_triang x y) as Ts.
  pose proof (Rmult_le_pos _ _ Hv Px) as Hvx; pose proof (Rmult_le_pos _ _ Hv Py) as Hvy.
  pose proof (Rmult_le_pos _ _ Hv Pc) as Hvc; pose proof (Rmult_le_pos _ _ Hv Hvc).
  pose proof (Rmult_le_pos _ _ Hv (Rabs_pos (x + y))) as Hvs.
  pose proof (Rmult_le_pos _ _ Hv Hvx) as Hvvx; pose proof (Rmult_le_pos _ _ Hv Hvy) as Hvvy.
  pose proof (Rmult_le_pos _ _ Hv Hvvx) as Hv3x; pose proof (Rmult_le_pos _ _ Hv Hvk) as Hvvk.
  pose proof (Rmult_le_compat_r _ _ _ Hvvx Hv4); pose proof (Rmult_le_compat_r _ _ _ Hvvy Hv4).
  pose proof (Rmult_le_compat_r _ _ _ Hvk Hv4); pose proof (Rmult_le_compat_r _ _ _ Hk Hv4).
  pose proof (Rmult_le_compat_r _ _ _ Hvx Hv4); pose proof (Rmult_le_compat_r _ _ _ Hvy Hv4).
  apply scaled in Ep as Epv; pose proof (scaled _ _ P) as Pv.
  pose proof (scaled _ _ Ts) as Tsv; pose proof (scaled _ _ Tsv) as Tsvv.
  assert (Tot : Rabs (r - (x + y + c)) <= Rabs ep + Rabs e + Rabs f).
  { rewrite Er; replace (p + c + e + f - (x + y + c)) with (ep + e + f) by (unfold ep; ring).
    pose proof (Rabs_triang (ep + e) f); pose proof (Rabs_triang ep e); lra. }
  unfold bound_any, bound_product, bound_summand; repeat split; apply Rle_trans with (1 := Tot); lra.
Qed.

Lemma node_part_error x y c r : v <= / 4 -> format c -> node_part x y c r ->
  let E := Rabs (r - (x + y + c)) in E <= bound_any x y c /\ E <= bound_product x y /\ E <= bound_summand x y c.
Proof.
  intros Hv4 Fc [p Hp Hr | s H1 H2 | s H1 H2].
  - destruct (sum_loss prec emin choice ftz p c r (part_format _ _ _ Hp) Fc Hr) as (e & f & Er & A & B & C & Hf).
    apply product_error with (p := p) (e := e) (f := f); auto.
    apply Rle_trans with (1 := A), scaled, Rabs_triang.
  - exact (node_ordered x y c s r Hv4 Fc H1 H2).
  - apply swapped, (node_ordered y x c s r Hv4 Fc H1 H2).
Qed.

Lemma leaf_part_error x y z r : v <= / 4 -> leaf_part x y z r -> exists c, rounds_to z c /\
  let E := Rabs (r - (x + y + c)) in E <= bound_any x y z /\ E <= bound_product x y /\ E <= bound_summand x y z.
Proof.
  intros Hv4 [p Hp Hr | p s Hp Hs H2 | p s Hp Hs H2].
  - destruct constants as (Hv & _).
    destruct (fused_loss prec emin choice ftz v z p r Hv (near_v _ _ _ z) (part_format _ _ _ Hp) Hr)
      as (d & eb & e & f & Er & Hd & Heb & A & B & C & Hf).
    exists (z * (1 + d) + eb); split; [exists d, eb; auto|].
    apply product_error with (p := p) (e := e) (f := f); auto; [rewrite Er; ring|].
    apply Rle_trans with (1 := A), scaled; rewrite (Rplus_comm (Rabs p)); apply Rabs_triang.
  - exact (leaf_ordered x y z p s r Hv4 Hp Hs H2).
  - destruct (leaf_ordered y x z p s r Hv4 Hp Hs H2) as (c & Hc & B); exists c; split; [exact Hc|apply swapped, B].
Qed.

(** ** Both parts together *)
Definition mu := 231 / 100.
Definition complex_kmul := 3 * (km + ka).
Definition complex_kadd := 2 * ka.

Lemma norm_combined a b c k x y z x' y' z' : 0 <= a -> 0 <= b -> 0 <= c -> 0 <= k ->
  norm (a * x + b * y + c * z + k) (a * x' + b * y' + c * z' + k)
  <= a * norm x x' + b * norm y y' + c * norm z z' + sqrt 2 * k.
Proof.
  intros Ha Hb Hc Hk; rewrite <- !norm_scale, <- norm_constant by assumption.
  apply Rle_trans with (1 := norm_triangle _ _ _ _), Rplus_le_compat_r.
  apply Rle_trans with (1 := norm_triangle _ _ _ _), Rplus_le_compat_r, norm_triangle.
Qed.

Variables ar ai br bi : R.
Notation x := (re1 ar br).
Notation y := (re2 ai bi).
Notation x' := (im1 ar bi).
Notation y' := (im2 ai br).
Notation size := (size ar ai br bi).
Notation p := (Rabs x + Rabs y).
Notation p' := (Rabs x' + Rabs y').
Hypothesis small : v <= / 4096.

(** p, p + s and c in norm, with weights [a], [b], [c]. *)
Lemma norm_bound a b c k cr ci : 0 <= a -> 0 <= b -> 0 <= c -> 0 <= k ->
  norm (a * (p + Rabs (x + y)) + b * p + c * Rabs cr + k) (a * (p' + Rabs (x' + y')) + b * p' + c * Rabs ci + k)
  <= (2309402 / 1000000 * a + 141422 / 100000 * b) * size + c * norm cr ci + 141422 / 100000 * k.
Proof.
  intros Ha Hb Hc Hk; apply Rle_trans with (1 := norm_combined _ _ _ _ _ _ _ _ _ _ Ha Hb Hc Hk).
  rewrite norm_abs.
  pose proof (Rmult_le_compat_l _ _ _ Ha (worst_norm ar ai br bi)) as W.
  pose proof (Rmult_le_compat_l _ _ _ Hb (parts_norm ar ai br bi)) as P.
  pose proof (Rmult_le_compat_r _ _ _ (Rmult_le_pos _ _ Ha (size_pos ar ai br bi)) worst_le).
  pose proof (Rmult_le_compat_r _ _ _ (Rmult_le_pos _ _ Hb (size_pos ar ai br bi)) sqrt_2_le).
  pose proof (Rmult_le_compat_r _ _ _ Hk sqrt_2_le); lra.
Qed.

Theorem complex_product_error re im : part x y re -> part x' y' im ->
  norm (re - (ar * br - ai * bi)) (im - (ar * bi + ai * br)) <= mu * v * size + complex_kmul.
Proof.
  intros Hre Him; apply part_error in Hre; apply part_error in Him.
  destruct constants as (Hv & Hk & Ha & _ & Hvk & _); pose proof (size_pos ar ai br bi) as Hn.
  replace (ar * br - ai * bi) with (x + y) by (unfold re1, re2; ring).
  replace (ar * bi + ai * br) with (x' + y') by reflexivity.
  pose proof (Rmult_le_pos _ _ Hv Hv) as Hvv; pose proof (Rmult_le_pos _ _ Hv Hn) as Hvn.
  pose proof (Rmult_le_compat_r _ _ _ Hvn small).
  pose proof (Rmult_le_compat_r _ _ _ Hk small).
  apply Rle_trans with (norm (v * (p + Rabs (x + y)) + v * v * p + 0 * Rabs 0 + (2 * (1 + v) * km + ka))
                             (v * (p' + Rabs (x' + y')) + v * v * p' + 0 * Rabs 0 + (2 * (1 + v) * km + ka))).
  - apply norm_mono; lra.
  - apply Rle_trans with (1 := norm_bound v (v * v) 0 (2 * (1 + v) * km + ka) 0 0 Hv Hvv (Rle_refl 0) ltac:(lra)).
    unfold mu, complex_kmul; lra.
Qed.

(** [va]: the relative error of a sum as Theorem 2 counts it; u serves. [zr], [zi]: the sizes that the sums see. *)
Section Bounds.
Variables cr ci zr zi re im va : R.
Hypothesis enough : v * (2 + 2 * v) <= 2 * va.
Hypothesis Hre : let E := Rabs (re - (x + y + cr)) in E <= bound_any x y zr /\ E <= bound_product x y /\ E <= bound_summand x y zr.
Hypothesis Him : let E := Rabs (im - (x' + y' + ci)) in E <= bound_any x' y' zi /\ E <= bound_product x' y' /\ E <= bound_summand x' y' zi.

Lemma node_norm : let X := (1 + mu * v) * size + complex_kmul in
  norm (re - (ar * br - ai * bi + cr)) (im - (ar * bi + ai * br + ci))
  <= mu * v * size + complex_kmul + 2 * Rmin (va * (size + norm zr zi)) (Rmin X (norm zr zi)).
Proof.
  intros X; set (E := norm _ _); assert (EE : E = norm (re - (x + y + cr)) (im - (x' + y' + ci))).
  { unfold E, re1, re2, im1, im2; f_equal; ring. }
  clearbody E; subst E; set (E := norm (re - (x + y + cr)) (im - (x' + y' + ci))).
  destruct constants as (Hv & Hk & Ha & _ & Hvk & Hvka); pose proof (size_pos ar ai br bi) as Hn; pose proof (norm_pos zr zi) as Hc.
  destruct Hre as (R1 & R2 & R3); destruct Him as (I1 & I2 & I3); unfold bound_any, bound_product, bound_summand in *.
  pose proof (Rmult_le_pos _ _ Hv Hv) as Hvv; pose proof (Rmult_le_pos _ _ Hv Hn) as Hvn.
  pose proof (Rmult_le_compat_r _ _ _ Hvn small); pose proof (Rmult_le_compat_r _ _ _ Hn small).
  pose proof (Rmult_le_compat_r _ _ _ Hk small); pose proof (Rmult_le_compat_r _ _ _ Ha small); pose proof (Rmult_le_compat_r _ _ _ Hc small).
  assert (K : 0 <= (2 + 5 * v) * (km + ka)) by (apply Rmult_le_pos; lra).
  assert (Hc2 : 0 <= v * (2 + 2 * v)) by (apply Rmult_le_pos; lra).
  assert (B1 : E <= mu * v * size + complex_kmul + 2 * (va * (size + norm zr zi))).
  { apply Rle_trans with (norm (v * (p + Rabs (x + y)) + (v + 4 * (v * v)) * p + v * (2 + 2 * v) * Rabs zr + (2 + 5 * v) * (km + ka))
                               (v * (p' + Rabs (x' + y')) + (v + 4 * (v * v)) * p' + v * (2 + 2 * v) * Rabs zi + (2 + 5 * v) * (km + ka))).
    - apply norm_mono; lra.
    - apply Rle_trans with (1 := norm_bound v (v + 4 * (v * v)) (v * (2 + 2 * v)) _ zr zi Hv ltac:(lra) Hc2 K).
      assert (N0 : 0 <= size + norm zr zi) by lra; pose proof (Rmult_le_compat_r _ _ _ N0 enough).
      pose proof (Rmult_le_pos _ _ Hvv Hn); unfold mu, complex_kmul; lra. }
  assert (B2 : E <= mu * v * size + complex_kmul + 2 * X).
  { apply Rle_trans with (norm (0 * (p + Rabs (x + y)) + (1 + 5 * v) * p + 0 * Rabs 0 + 5 * (km + ka))
                               (0 * (p' + Rabs (x' + y')) + (1 + 5 * v) * p' + 0 * Rabs 0 + 5 * (km + ka))).
    - apply norm_mono; lra.
    - apply Rle_trans with (1 := norm_bound 0 (1 + 5 * v) 0 (5 * (km + ka)) 0 0 ltac:(lra) ltac:(lra) ltac:(lra) ltac:(lra)).
      unfold X, mu, complex_kmul; lra. }
  assert (B3 : E <= mu * v * size + complex_kmul + 2 * norm zr zi).
  { apply Rle_trans with (norm (v * (p + Rabs (x + y)) + v * v * p + (1 + 3 * v) * Rabs zr + (2 + 5 * v) * (km + ka))
                               (v * (p' + Rabs (x' + y')) + v * v * p' + (1 + 3 * v) * Rabs zi + (2 + 5 * v) * (km + ka))).
    - apply norm_mono; lra.
    - apply Rle_trans with (1 := norm_bound v (v * v) (1 + 3 * v) _ zr zi Hv Hvv ltac:(lra) K).
      unfold mu, complex_kmul; lra. }
  unfold Rmin; repeat destruct Rle_dec; assumption.
Qed.
End Bounds.

Theorem complex_node_error cr ci re im va : format cr -> format ci -> node_part x y cr re -> node_part x' y' ci im ->
  v * (2 + 2 * v) <= 2 * va -> let X := (1 + mu * v) * size + complex_kmul in
  norm (re - (ar * br - ai * bi + cr)) (im - (ar * bi + ai * br + ci))
  <= mu * v * size + complex_kmul + 2 * Rmin (va * (size + norm cr ci)) (Rmin X (norm cr ci)).
Proof.
  intros Fr Fi Hre Him Hva; destruct constants as (Hv & _); assert (H4 : v <= / 4) by lra.
  apply node_norm; [exact Hva|apply (node_part_error _ _ _ _ H4 Fr Hre)|apply (node_part_error _ _ _ _ H4 Fi Him)].
Qed.

(** Where c is a product fused into the sum, in one part or both: it acts as a rounded product. *)
Definition fused_or_rounded x y z r := leaf_part x y z r \/ exists c, op z c /\ node_part x y c r.

Lemma rounds_size z c : rounds_to z c -> Rabs c <= (1 + v) * Rabs z + km.
Proof.
  intros (d & e & -> & Hd & He); pose proof (Rabs_triang (z * (1 + d)) e); rewrite Rabs_mult in *.
  pose proof (Rabs_triang 1 d); rewrite Rabs_R1 in *.
  pose proof (Rmult_le_compat_l (Rabs z) (Rabs (1 + d)) (1 + v) (Rabs_pos z) ltac:(lra)); lra.
Qed.

Lemma fused_or_rounded_error x y z r : v <= / 4 -> fused_or_rounded x y z r ->
  exists c z', rounds_to z c /\ Rabs z' <= (1 + v) * Rabs z + km /\
  let E := Rabs (r - (x + y + c)) in E <= bound_any x y z' /\ E <= bound_product x y /\ E <= bound_summand x y z'.
Proof.
  intros H4 [H | (c & Hc & H)]; destruct constants as (Hv & Hk & _).
  - destruct (leaf_part_error _ _ _ _ H4 H) as (c & Hc & B); exists c, z; split; [exact Hc|split; [|exact B]].
    pose proof (Rmult_le_pos _ _ Hv (Rabs_pos z)); lra.
  - assert (Rc : rounds_to z c) by apply (product_loss _ _ _ _ _ _ Hc).
    exists c, c; split; [exact Rc|split; [apply rounds_size, Rc|apply (node_part_error _ _ _ _ H4 (op_format _ _ _ _ _ _ Hc) H)]].
Qed.

Theorem complex_leaf_error wr wi re im va : fused_or_rounded x y wr re -> fused_or_rounded x' y' wi im ->
  v * (2 + 2 * v) <= 2 * va -> let X := (1 + mu * v) * size + complex_kmul in
  exists cr ci z, rounds_to wr cr /\ rounds_to wi ci /\ 0 <= z <= norm ((1 + v) * Rabs wr + km) ((1 + v) * Rabs wi + km) /\
  norm (re - (ar * br - ai * bi + cr)) (im - (ar * bi + ai * br + ci))
  <= mu * v * size + complex_kmul + 2 * Rmin (va * (size + z)) (Rmin X z).
Proof.
  intros Hre Him Hva X; destruct constants as (Hv & Hk & _); assert (H4 : v <= / 4) by lra.
  destruct (fused_or_rounded_error _ _ _ _ H4 Hre) as (cr & zr & R1 & Zr & Br).
  destruct (fused_or_rounded_error _ _ _ _ H4 Him) as (ci & zi & I1 & Zi & Bi).
  exists cr, ci, (norm zr zi); split; [exact R1|split; [exact I1|split]].
  - split; [apply norm_pos|apply norm_mono; assumption].
  - apply node_norm; assumption.
Qed.
End Node.
