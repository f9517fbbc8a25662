(** Underflow: the excess D through kicks is at most Ũ, an O(1) recurrence.

    Main results: [excess_le] (D <= Ũ for every bracketing whose first multiplier is 0, as an initial
    state's is), with [Sf], [Xf], [Gf] the recurrences that the oracle evaluates.
    The kicks may be those of gradual underflow (products only) or of flush to zero (all operations).
    Depends on: RoundingLists, RoundingModel. *)
From Coq Require Import Reals List Arith Lia Lra Psatz.
From Exactscan Require Import RoundingLists RoundingModel.
Import ListNotations.
Open Scope R_scope.

Section Kicks.
Variables km kp k0 : R.
Hypothesis km0 : 0 <= km.
Hypothesis kp0 : 0 <= kp.
Hypothesis k00 : 0 <= k0.
Notation AU := (AU km k0).
Notation BU := (BU km kp k0).
Notation D := (D km kp k0).

(** Kicks that reach b and a in a window of n leaves that is applied to a state; n >= 1. *)
Definition kb n := INR n * k0 + INR (pred n) * (km + kp).
Definition ka n := INR n * k0 + INR (pred n) * km.
(** Kicks that reach a in the n leaves from the initial state on: its own multiplier is not used. *)
Definition ka0 n := INR (pred n) * k0 + INR (pred (pred n)) * km.

Fixpoint Sf (l : list leaf) : R :=
  match l with [] => 1 | [_] => 1 | x :: xs => Rmax 1 (lA x * Sf xs) end.
(** X and G. *)
Fixpoint XG (l : list leaf) : R * R :=
  match l with
  | [] => (0, 0)
  | [x] => (0, lB x + k0)
  | x :: xs =>
      let (X, G) := XG xs in
      let X1 := Rmax (lA x * X) G in
      (X1, Rmax G (Mh l + (kb (length l) * Sf l + ka0 (length l) * X1)))
  end.
Definition Xf l := fst (XG l).
Definition Gf l := snd (XG l).
(** Ũ *)
Definition Uf l := kb (length l) * Sf l + ka0 (length l) * Xf l.

Lemma Sf_cons x xs : xs <> [] -> Sf (x :: xs) = Rmax 1 (lA x * Sf xs).
Proof. destruct xs; [congruence|reflexivity]. Qed.
Lemma Xf_cons x xs : xs <> [] -> Xf (x :: xs) = Rmax (lA x * Xf xs) (Gf xs).
Proof. destruct xs as [|y xs]; [congruence|]; intros _; unfold Xf, Gf; simpl; destruct (XG (y :: xs)) eqn:E; simpl in E; rewrite E; reflexivity. Qed.
Lemma Gf_cons x xs : xs <> [] -> Gf (x :: xs) = Rmax (Gf xs) (Mh (x :: xs) + Uf (x :: xs)).
Proof.
  intros H; unfold Uf; rewrite Xf_cons by exact H.
  destruct xs as [|y xs]; [congruence|]; unfold Xf, Gf.
  change (XG (x :: y :: xs)) with (let (X, G) := XG (y :: xs) in
    let X1 := Rmax (lA x * X) G in
    (X1, Rmax G (Mh (x :: y :: xs) + (kb (length (x :: y :: xs)) * Sf (x :: y :: xs)
                                      + ka0 (length (x :: y :: xs)) * X1)))).
  destruct (XG (y :: xs)) as [X G]; reflexivity.
Qed.

Lemma kb_mono m n : (m <= n)%nat -> kb m <= kb n.
Proof.
  intros H; unfold kb; assert (INR m <= INR n) by (apply le_INR; lia).
  assert (INR (pred m) <= INR (pred n)) by (apply le_INR; lia).
  apply Rplus_le_compat; apply Rmult_le_compat_r; lra.
Qed.
Lemma kb_pos n : 0 <= kb n.
Proof. unfold kb; apply Rplus_le_le_0_compat; apply Rmult_le_pos; auto using pos_INR; lra. Qed.
Lemma ka_pos n : 0 <= ka n.
Proof. unfold ka; apply Rplus_le_le_0_compat; apply Rmult_le_pos; auto using pos_INR. Qed.
Lemma ka0_pos n : 0 <= ka0 n.
Proof. unfold ka0; apply Rplus_le_le_0_compat; apply Rmult_le_pos; auto using pos_INR. Qed.

Lemma kb_add m n : (0 < m)%nat -> (0 < n)%nat -> kb m + kb n + (km + kp) = kb (n + m).
Proof.
  intros Hm Hn; unfold kb; replace (pred (n + m)) with (pred n + pred m + 1)%nat by lia.
  rewrite !plus_INR; simpl INR; ring.
Qed.
Lemma ka_add m n : (0 < m)%nat -> (0 < n)%nat -> ka m + ka n + km = ka (n + m).
Proof.
  intros Hm Hn; unfold ka; replace (pred (n + m)) with (pred n + pred m + 1)%nat by lia.
  rewrite !plus_INR; simpl INR; ring.
Qed.
Lemma ka0_add m n : (0 < m)%nat -> (0 < n)%nat -> ka0 m + ka n <= ka0 (n + m).
Proof.
  intros Hm Hn; unfold ka0, ka; replace (pred (n + m)) with (n + pred m)%nat by lia.
  rewrite plus_INR.
  assert (INR (pred (pred m)) + INR (pred n) <= INR (pred (n + pred m))).
  { rewrite <- plus_INR; apply le_INR; lia. }
  pose proof (Rmult_le_compat_r km _ _ km0 H); lra.
Qed.

Lemma Sf_ge1 l : 1 <= Sf l.
Proof. destruct l as [|x [|y l]]; simpl; try lra; apply Rmax_l. Qed.
Lemma Sf_step x xs : xs <> [] -> lA x * Sf xs <= Sf (x :: xs).
Proof. intros H; rewrite Sf_cons by exact H; apply Rmax_r. Qed.
Lemma XG_pos l : 0 <= Xf l /\ 0 <= Gf l.
Proof.
  induction l as [|x xs IH]; [unfold Xf, Gf; simpl; lra|].
  destruct xs as [|y xs]; [unfold Xf, Gf; simpl; pose proof (lB_pos x); lra|].
  rewrite (Xf_cons x (y :: xs)), (Gf_cons x (y :: xs)) by discriminate.
  pose proof (Rmax_r (lA x * Xf (y :: xs)) (Gf (y :: xs))).
  pose proof (Rmax_l (Gf (y :: xs)) (Mh (x :: y :: xs) + Uf (x :: y :: xs))); lra.
Qed.
Lemma Xf_step x xs : xs <> [] -> lA x * Xf xs <= Xf (x :: xs).
Proof. intros H; rewrite Xf_cons by exact H; apply Rmax_l. Qed.
Lemma Xf_ge_G ys xs : ys <> [] -> xs <> [] -> Gf xs <= Xf (ys ++ xs).
Proof.
  intros Hy Hx; destruct ys as [|y ys]; [congruence|]; clear Hy.
  assert (N : ys ++ xs <> []) by (destruct ys; [exact Hx|discriminate]).
  assert (Gf xs <= Gf (ys ++ xs)).
  { clear y N; induction ys as [|y ys IH]; simpl; [lra|].
    assert (N : ys ++ xs <> []) by (destruct ys; [exact Hx|discriminate]).
    rewrite Gf_cons by exact N; pose proof (Rmax_l (Gf (ys ++ xs)) (Mh (y :: ys ++ xs) + Uf (y :: ys ++ xs))); lra. }
  simpl; rewrite Xf_cons by exact N; pose proof (Rmax_r (lA y * Xf (ys ++ xs)) (Gf (ys ++ xs))); lra.
Qed.
Lemma Gf_ge l : l <> [] -> Mh l + Uf l <= Gf l.
Proof.
  intros H; destruct l as [|x [|y xs]]; [congruence| |rewrite Gf_cons by discriminate; apply Rmax_r].
  unfold Uf, Xf, Gf, kb, ka0; simpl; lra.
Qed.

Lemma lv_nonempty t : lv t <> [].
Proof.
  induction t as [x|l IHl r IHr]; simpl; [discriminate|].
  intros H; apply app_eq_nil in H; tauto.
Qed.
Lemma lv_length t : (0 < length (lv t))%nat.
Proof. pose proof (lv_nonempty t); destruct (lv t); [congruence|simpl; lia]. Qed.
Lemma app_nonempty t (xs : list leaf) : lv t ++ xs <> [].
Proof. pose proof (lv_nonempty t); destruct (lv t); [congruence|discriminate]. Qed.
Lemma length_pos (l : list leaf) : l <> [] -> (0 < length l)%nat.
Proof. destruct l; [congruence|simpl; lia]. Qed.

(** What a window may meet: a state with jb kicks on b and ja kicks on a already in it. *)
Definition entering (xs : list leaf) jb ja z :=
  0 <= z <= Mh xs + jb * Sf xs + ja * Xf xs /\ 0 <= jb <= kb (length xs) /\ 0 <= ja <= ka0 (length xs).

Lemma entering_le_G xs jb ja z : xs <> [] -> entering xs jb ja z -> z <= Gf xs.
Proof.
  intros N ((_ & Hz) & Hb & Ha); apply Rle_trans with (2 := Gf_ge xs N), Rle_trans with (1 := Hz).
  unfold Uf; destruct (XG_pos xs) as [HX _]; pose proof (Sf_ge1 xs).
  pose proof (Rmult_le_compat_r (Sf xs) jb (kb (length xs)) ltac:(lra) ltac:(lra)).
  pose proof (Rmult_le_compat_r (Xf xs) ja (ka0 (length xs)) HX ltac:(lra)); lra.
Qed.

Lemma kicks_window t : forall xs jb ja z, xs <> [] -> entering xs jb ja z ->
  entering (lv t ++ xs) (jb + kb (length (lv t))) (ja + ka (length (lv t))) (AU t * z + BU t).
Proof.
  induction t as [x|l IHl r IHr]; intros xs jb ja z N E.
  - pose proof (entering_le_G _ _ _ _ N E) as HG; destruct E as ((Hz0 & Hz) & Hb & Ha).
    simpl lv; simpl length; simpl app.
    pose proof (Sf_step x xs N) as HS; pose proof (Xf_step x xs N) as HX.
    pose proof (Xf_ge_G [x] xs ltac:(discriminate) N) as HGX; simpl app in HGX.
    pose proof (Sf_ge1 (x :: xs)); pose proof (lA_pos x) as HA; pose proof (lB_pos x).
    pose proof (length_pos xs N) as HL.
    assert (K1 : kb 1 = k0) by (unfold kb; simpl; ring); assert (K2 : ka 1 = k0) by (unfold ka; simpl; ring).
    pose proof (kb_add (length xs) 1 HL ltac:(lia)) as Kb; pose proof (ka0_add (length xs) 1 HL ltac:(lia)) as Ka.
    rewrite K1, K2 in *; unfold entering; simpl Mh; simpl length; simpl plus in *.
    split; [split|split; lra].
    + cbn [RoundingModel.AU RoundingModel.BU]; pose proof (on_pos (bit (lz x)) k0 k00).
      assert (0 <= (lA x + k0) * z) by (apply Rmult_le_pos; lra); lra.
    + cbn [RoundingModel.AU RoundingModel.BU]; pose proof (on_le (bit (lz x)) k0 k00).
      pose proof (Rmult_le_compat_l _ _ _ HA Hz).
      pose proof (Rmult_le_compat_l jb _ _ ltac:(lra) HS); pose proof (Rmult_le_compat_l ja _ _ ltac:(lra) HX).
      pose proof (Rmult_le_compat_l k0 _ _ k00 (Rle_trans _ _ _ HG HGX)).
      pose proof (Rmult_le_compat_l k0 _ _ k00 H); lra.
  - assert (Nl := app_nonempty l xs).
    specialize (IHl xs jb ja z N E); specialize (IHr _ _ _ _ Nl IHl).
    pose proof (entering_le_G _ _ _ _ N E) as HG; destruct E as ((Hz0 & Hz) & Hb & Ha).
    destruct IHr as ((HL & HU) & HB & HAa).
    cbn [lv]; rewrite <- app_assoc, app_length.
    set (ls := lv r ++ lv l ++ xs) in *.
    pose proof (lv_length l) as Ll; pose proof (lv_length r) as Lr.
    pose proof (kb_add _ _ Ll Lr) as Kb; pose proof (ka_add _ _ Ll Lr) as Ka.
    assert (HGX : Gf xs <= Xf ls).
    { unfold ls; rewrite app_assoc; apply Xf_ge_G; [|exact N].
      intros H; apply app_eq_nil in H; destruct H as [H _]; exact (lv_nonempty _ H). }
    pose proof (Sf_ge1 ls) as HS; destruct (XG_pos ls) as [HX _].
    pose proof (on_le (tz l) km km0); pose proof (on_le (tz l + tz r) kp kp0).
    pose proof (on_pos (tz l) km km0); pose proof (on_pos (tz l + tz r) kp kp0).
    pose proof (length_pos xs N) as HL0.
    assert (Lls : length ls = (length (lv r) + length (lv l) + length xs)%nat)
      by (unfold ls; rewrite !app_length; lia).
    pose proof (kb_add (length xs) (length (lv r) + length (lv l)) HL0 ltac:(lia)) as Kbt.
    pose proof (ka0_add (length xs) (length (lv r) + length (lv l)) HL0 ltac:(lia)) as Kat.
    rewrite <- Lls in *; cbn [RoundingModel.AU RoundingModel.BU].
    pose proof (Rmult_le_pos km z km0 Hz0); pose proof (kb_pos (length (lv r) + length (lv l))).
    pose proof (ka_pos (length (lv r) + length (lv l))).
    split; [split|split; lra]; [lra|].
    pose proof (Rmult_le_compat_l km _ _ km0 (Rle_trans _ _ _ HG HGX)).
    pose proof (Rmult_le_compat_l (km + kp) _ _ ltac:(lra) HS).
    rewrite <- Kb, <- Ka; lra.
Qed.

(** A window that starts at the initial state. *)
Lemma kicks_prefix t : entering (lv t) (kb (length (lv t))) (ka0 (length (lv t))) (BU t).
Proof.
  induction t as [x|l IHl r IHr].
  - unfold entering; simpl lv; simpl length; pose proof (kb_pos 1); pose proof (ka0_pos 1).
    pose proof (lB_pos x); pose proof (on_pos (bit (lz x)) k0 k00); pose proof (on_le (bit (lz x)) k0 k00).
    split; [|lra]; simpl; unfold Xf, kb; simpl; lra.
  - pose proof (lv_nonempty l) as N; pose proof (lv_length l) as Ll; pose proof (lv_length r) as Lr.
    pose proof (kicks_window r _ _ _ _ N IHl) as ((H1 & H2) & H3 & H4).
    cbn [lv]; unfold entering; rewrite app_length in *.
    pose proof (kb_add _ _ Ll Lr) as Kb; pose proof (ka0_add _ _ Ll Lr) as Ka.
    set (ls := lv r ++ lv l) in *.
    pose proof (Sf_ge1 ls) as HS; destruct (XG_pos ls) as [HX _].
    pose proof (on_le (tz l) km km0); pose proof (on_le (tz l + tz r) kp kp0).
    pose proof (on_pos (tz l) km km0); pose proof (on_pos (tz l + tz r) kp kp0).
    cbn [RoundingModel.BU].
    pose proof (Rmult_le_compat_l (km + kp) _ _ ltac:(lra) HS).
    pose proof (Rmult_le_compat_r (Xf ls) _ _ HX Ka).
    split; [split|split; [split|split]]; try lra; auto using kb_pos, ka0_pos.
    rewrite <- Kb; lra.
Qed.

Theorem excess_le t : D t <= Uf (lv t).
Proof.
  destruct (kicks_prefix t) as ((_ & H) & _); unfold RoundingModel.D, Uf; lra.
Qed.
End Kicks.
