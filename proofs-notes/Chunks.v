(** Chunked kernels: decays from cumulative sums, and the sum of a chunk's terms.

    Main results: [decay_cumsum] (e^(L_t - L_s) from two computed sums, whose common error cancels), [decay_segsum] (each segment summed on
    its own), [decay_product] (a product of exponentials); [chunk_majorant]: the recurrence for the terms' majorants;
    [chunk_sum_bound]: a sum of such terms, in any order, deviates by at most (1 + φ) ΔV + φ M.
    Every operation is relative: no operation underflows. Sums need no absorption: tensor cores may truncate.
    Depends on: RoundingModel (pairs of size and deviation), Elementary. *)
From Coq Require Import Reals List Arith Lia Lra Psatz.
From Exactscan Require Import RoundingModel Elementary.
Import ListNotations.
Open Scope R_scope.

(** ** Decays *)
(** X: the exact exponent; S: any common part of both sums; E: errors of the steps between; kd: the difference's rounding. *)
Theorem decay_cumsum X XH S E Lt Ls gt gs kd d eps tau e : 0 <= kd -> 0 <= eps ->
  Rabs (XH - X) <= E -> Rabs (Lt - (S + XH)) <= gt -> Rabs (Ls - S) <= gs ->
  Rabs (d - (Lt - Ls)) <= kd * Rabs (Lt - Ls) -> Rabs (e - exp d) <= eps * exp d + tau ->
  Rabs (e - exp X) <= exp X * ((1 + eps) * exp (E + kd * (Rabs X + E) + (1 + kd) * (gt + gs)) - 1) + tau.
Proof.
  intros Hk He HX Ht Hs Hd; apply exp_rule; [|exact He].
  assert (D1 : Rabs (Lt - Ls - X) <= E + gt + gs).
  { replace (Lt - Ls - X) with ((Lt - (S + XH)) + - (Ls - S) + (XH - X)) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _); pose proof (Rabs_triang (Lt - (S + XH)) (- (Ls - S))); rewrite Rabs_Ropp in *; lra. }
  assert (D2 : Rabs (Lt - Ls) <= Rabs X + (E + gt + gs)).
  { replace (Lt - Ls) with (X + (Lt - Ls - X)) by ring; apply Rle_trans with (1 := Rabs_triang _ _); lra. }
  replace (d - X) with ((d - (Lt - Ls)) + (Lt - Ls - X)) by ring; apply Rle_trans with (1 := Rabs_triang _ _).
  pose proof (Rmult_le_compat_l _ _ _ Hk D2); lra.
Qed.

(** [g]: what the segment's own summation adds, with its rounding and scaling. *)
Theorem decay_segsum X XH E g d eps tau e : 0 <= eps -> Rabs (XH - X) <= E -> Rabs (d - XH) <= g ->
  Rabs (e - exp d) <= eps * exp d + tau -> Rabs (e - exp X) <= exp X * ((1 + eps) * exp (E + g) - 1) + tau.
Proof.
  intros He HX Hd; apply exp_rule; [|exact He].
  replace (d - X) with ((d - XH) + (XH - X)) by ring; apply Rle_trans with (1 := Rabs_triang _ _); lra.
Qed.

(** The product of the computed e^x_r, each known to a factor 1 + r_r, each product rounded. *)
Inductive multiplied (v : R) : list (R * R) -> R -> Prop :=
| multiplied_one x r a : Rabs (a - exp x) <= r * exp x -> multiplied v [(x, r)] a
| multiplied_more x r a l p d : Rabs (a - exp x) <= r * exp x -> multiplied v l p -> Rabs d <= v -> multiplied v ((x, r) :: l) (a * p * (1 + d)).
Definition exponent (l : list (R * R)) := fold_right (fun p s => fst p + s) 0 l.
Definition growth v (l : list (R * R)) := fold_right (fun p s => (1 + snd p) * (1 + v) * s) 1 l.

Theorem decay_product v l p : 0 <= v -> multiplied v l p -> Rabs (p - exp (exponent l)) <= exp (exponent l) * (growth v l - 1).
Proof.
  intros Hv H; enough (D : dom p (exp (exponent l)) (exp (exponent l) * growth v l) (exp (exponent l)) /\ 0 <= growth v l) by (destruct D as [[_ D] _]; lra).
  induction H as [x r a Ha | x r a l p d Ha Hl [IH G] Hd]; unfold exponent, growth; simpl fold_right.
  - pose proof (exp_pos x) as P; rewrite Rplus_0_r, Rmult_1_r; pose proof (Rabs_pos (a - exp x)).
    assert (R0 : 0 <= r) by (apply Rmult_le_reg_r with (exp x); lra); pose proof (Rmult_le_pos _ _ R0 Hv).
    assert (R1 : 0 <= (1 + r) * v) by lra; pose proof (Rmult_le_pos _ _ (Rlt_le _ _ P) R1).
    split; [split; [rewrite Rabs_pos_eq; lra|lra]|apply Rmult_le_pos; lra].
  - fold (exponent l) (growth v l); pose proof (exp_pos x) as P; pose proof (Rabs_pos (a - exp x)).
    assert (R0 : 0 <= r) by (apply Rmult_le_reg_r with (exp x); lra).
    assert (D : dom a (exp x) ((1 + r) * exp x) (exp x)) by (split; [rewrite Rabs_pos_eq; lra|lra]).
    rewrite exp_plus; split; [|repeat apply Rmult_le_pos; lra].
    eapply dom_weaken; [apply dom_rnd with (v := v), Hd; apply dom_mul; eassumption|right; ring].
Qed.

(** ** Terms of a chunk, the latest step first *)
(** A step: size of its multiplier, what it adds to the exponent of every decay across it, the exponent of a decay that ends at it,
    size of its summand, exact and with its error. *)
Record step := Step { sA : R; srho : R; sgamma : R; sb : R; sbH : R }.
Fixpoint sumM (l : list step) := match l with [] => 0 | x :: xs => sA x * sumM xs + sb x end.
Fixpoint sumV (l : list step) := match l with [] => 0 | x :: xs => sA x * exp (srho x) * sumV xs + exp (sgamma x) * sbH x end.
(** What an oracle evaluates: without a subtraction. *)
Fixpoint deltaV (l : list step) :=
  match l with
  | [] => 0
  | x :: xs => sA x * exp (srho x) * deltaV xs + sA x * (exp (srho x) - 1) * sumM xs + (sbH x - sb x) + (exp (sgamma x) - 1) * sbH x
  end.

Theorem chunk_majorant l : sumV l = sumM l + deltaV l.
Proof. induction l as [|x xs IH]; simpl; [ring|rewrite IH; ring]. Qed.

(** The terms: term s has size X_s, its computed form at most f times XH_s, with the decay [c] of all later steps. *)
Fixpoint sizes (c : R) (l : list step) := match l with [] => [] | x :: xs => c * sb x :: sizes (c * sA x) xs end.
Fixpoint reaches (c : R) (l : list step) := match l with [] => [] | x :: xs => c * (exp (sgamma x) * sbH x) :: reaches (c * (sA x * exp (srho x))) xs end.
Definition total (l : list R) := fold_right Rplus 0 l.

Lemma total_sizes l : forall c, total (sizes c l) = c * sumM l.
Proof. induction l as [|x xs IH]; intros c; unfold total in *; simpl; [ring|rewrite IH; ring]. Qed.
Lemma total_reaches l : forall c, total (reaches c l) = c * sumV l.
Proof. induction l as [|x xs IH]; intros c; unfold total in *; simpl; [ring|rewrite IH; ring]. Qed.

(** A sum of terms w, computed as wh, in any order; every addition has a relative error of at most ua. *)
Inductive term := Term (w wh X XH : R).
Inductive stree := One (t : term) | Plus (l r : stree).
Fixpoint terms t := match t with One w => [w] | Plus l r => terms l ++ terms r end.
Fixpoint height t := match t with One _ => 0%nat | Plus l r => S (Nat.max (height l) (height r)) end.
Definition exact_sum l := fold_right (fun t s => match t with Term w _ _ _ => w + s end) 0 l.
Definition size_sum l := fold_right (fun t s => match t with Term _ _ X _ => X + s end) 0 l.
Definition reach_sum l := fold_right (fun t s => match t with Term _ _ _ XH => XH + s end) 0 l.
Definition good t := match t with Term w wh X XH => dom wh w XH X end.

Inductive added (ua : R) : stree -> R -> Prop :=
| added_one w wh X XH : added ua (One (Term w wh X XH)) wh
| added_plus l r a b d : added ua l a -> added ua r b -> Rabs d <= ua -> added ua (Plus l r) ((a + b) * (1 + d)).

Lemma sum_app (F : list term -> R) (f : term -> R) (E : forall t l, F (t :: l) = f t + F l) (E0 : F [] = 0) l r : F (l ++ r) = F l + F r.
Proof. induction l as [|t l IH]; simpl; [rewrite E0; ring|rewrite !E, IH; ring]. Qed.
Lemma exact_app l r : exact_sum (l ++ r) = exact_sum l + exact_sum r.
Proof. apply (sum_app exact_sum (fun t => match t with Term w _ _ _ => w end)); [intros [] ?|]; reflexivity. Qed.
Lemma size_app l r : size_sum (l ++ r) = size_sum l + size_sum r.
Proof. apply (sum_app size_sum (fun t => match t with Term _ _ X _ => X end)); [intros [] ?|]; reflexivity. Qed.
Lemma reach_app l r : reach_sum (l ++ r) = reach_sum l + reach_sum r.
Proof. apply (sum_app reach_sum (fun t => match t with Term _ _ _ XH => XH end)); [intros [] ?|]; reflexivity. Qed.

Lemma added_dom ua t c n : 0 <= ua -> added ua t c -> Forall good (terms t) -> (height t <= n)%nat ->
  dom c (exact_sum (terms t)) ((1 + ua) ^ n * reach_sum (terms t)) (size_sum (terms t)).
Proof.
  intros Hu H; revert n; induction H as [w wh X XH | l r a b d _ IHl _ IHr Hd]; intros n F Hn.
  - inversion F as [|? ? G _]; subst; simpl in *; rewrite !Rplus_0_r; eapply dom_weaken; [exact G|].
    pose proof (dom_le _ _ _ _ G); pose proof (pow_R1_Rle (1 + ua) n ltac:(lra)).
    pose proof (Rmult_le_compat_r XH _ _ ltac:(lra) H0); lra.
  - cbn [terms height] in *; destruct n as [|n]; [lia|]; apply Forall_app in F; destruct F as [Fl Fr].
    rewrite exact_app, size_app, reach_app; eapply dom_weaken.
    + apply dom_rnd with (v := ua), Hd; apply dom_add; [apply (IHl n Fl); lia|apply (IHr n Fr); lia].
    + right; simpl; ring.
Qed.

(** All terms of a chunk, each within a factor f = 1 + φ of its reach (conversions, products, the exponential, the decay's later end). *)
Theorem chunk_sum_bound ua n f l t c : 0 <= ua -> added ua t c -> Forall good (terms t) -> (height t <= n)%nat ->
  size_sum (terms t) = total (sizes 1 l) -> reach_sum (terms t) = f * total (reaches 1 l) ->
  let phi := (1 + ua) ^ n * f - 1 in
  Rabs (c - exact_sum (terms t)) <= (1 + phi) * deltaV l + phi * sumM l.
Proof.
  intros Hu A F Hn Es Er phi; destruct (added_dom ua t c n Hu A F Hn) as [_ D]; apply Rle_trans with (1 := D).
  rewrite Es, Er, total_sizes, total_reaches, chunk_majorant; unfold phi; right; ring.
Qed.
