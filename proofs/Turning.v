(* T29: where accuracy turns along alpha. *)

From Coq Require Import Reals Lra Lia Psatz Bool.
From Coquelicot Require Import Coquelicot.
From Sharpening Require Import Setting Moments Diversity.
Open Scope R_scope.

(* Accuracy of p^alpha on one prompt, and how much likelier its right responses are than its wrong ones there *)
Definition accuracy (n : nat) (p : nat -> R) (correct : nat -> bool) (alpha : R) : R :=
  P n (q n p (indicator correct) alpha 0) correct.
Definition gap (n : nat) (p : nat -> R) (correct : nat -> bool) (alpha : R) : R :=
  let pi := q n p (indicator correct) alpha 0 in
  E n (given n pi correct) (log p) - E n (given n pi (wrong correct)) (log p).

(* E[1_s f] = P(s) E[f | s], also where P(s) = 0 *)
Lemma E_on_set n pi s f : policy n pi -> E n pi (fun y => indicator s y * f y) = P n pi s * E n (given n pi s) f.
Proof.
  intros h. destruct (Req_dec (P n pi s) 0) as [z|nz].
  - rewrite z, Rmult_0_l. rewrite P_sum in z.
    assert (each := sum_zero_term n (fun y => indicator s y * pi y)
      (fun y hy => Rmult_le_pos _ _ (indicator_nonneg s y) (proj1 h y hy)) z).
    unfold E. rewrite (sum_ext n _ (fun _ => 0)); [apply sum_zero|]. intros y hy.
    replace (pi y * (indicator s y * f y)) with ((indicator s y * pi y) * f y) by ring. rewrite (each y hy). ring.
  - unfold E. rewrite <- sum_scale. apply sum_ext. intros y hy. unfold given. field. exact nz.
Qed.

(* Cov(1_C, f) = A (1 - A) (E[f | C] - E[f | W]) *)
Lemma covariance_with_being_right n pi correct f :
  policy n pi ->
  Cov n pi (indicator correct) f
  = P n pi correct * (1 - P n pi correct) * (E n (given n pi correct) f - E n (given n pi (wrong correct)) f).
Proof.
  intros h. unfold Cov. rewrite E_on_set by exact h.
  assert (parts : E n pi f = P n pi correct * E n (given n pi correct) f
    + (1 - P n pi correct) * E n (given n pi (wrong correct)) f).
  { rewrite <- (P_wrong n pi correct h), <- !E_on_set, <- E_plus by exact h. apply E_ext. intros y hy.
    unfold indicator, wrong. destruct (correct y); simpl; ring. }
  rewrite parts. fold (P n pi correct). ring.
Qed.

Lemma accuracy_derive n p correct alpha :
  reference n p ->
  is_derive (accuracy n p correct) alpha
    (accuracy n p correct alpha * (1 - accuracy n p correct alpha) * gap n p correct alpha).
Proof.
  intros hp. unfold accuracy at 2 3, gap. rewrite <- covariance_with_being_right by (apply q_policy, hp).
  exact (proj1 (T2_slopes_of_a_mean_are_covariances n p (indicator correct) alpha 0 (indicator correct) hp)).
Qed.

(* Prompts 0, ..., m-1 with weights; prompt x has size(x) responses, a reference p(x) and a set of right ones. *)
Definition mean_accuracy m (weight : nat -> R) (size : nat -> nat) (p : nat -> nat -> R) correct (alpha : R) : R :=
  E m weight (fun x => accuracy (size x) (p x) (correct x) alpha).
Definition mean_gap m (weight : nat -> R) (size : nat -> nat) (p : nat -> nat -> R) correct (alpha : R) : R :=
  E m weight (fun x => accuracy (size x) (p x) (correct x) alpha * (1 - accuracy (size x) (p x) (correct x) alpha)
    * gap (size x) (p x) (correct x) alpha).

(* T29.  Over prompts dA/dalpha = E_x A_x (1 - A_x) (E[log p | C] - E[log p | W]). *)
Theorem T29_slope_over_prompts :
  forall m weight size p correct alpha, (forall x, (x < m)%nat -> reference (size x) (p x)) ->
  is_derive (mean_accuracy m weight size p correct) alpha (mean_gap m weight size p correct alpha).
Proof.
  intros m weight size p correct alpha h.
  apply (sum_derive m (fun a x => weight x * accuracy (size x) (p x) (correct x) a)
    (fun x => weight x * (accuracy (size x) (p x) (correct x) alpha
      * (1 - accuracy (size x) (p x) (correct x) alpha) * gap (size x) (p x) (correct x) alpha))).
  intros x hx. apply (is_derive_scal (accuracy (size x) (p x) (correct x))), accuracy_derive, h, hx.
Qed.

(* T29.  The stopping rule: at the best alpha of an interval's inside that mean is zero, current right and wrong
   samples are equally likely on average. *)
Theorem T29_at_the_best_alpha_the_gap_is_closed :
  forall m weight size p correct low high best, (forall x, (x < m)%nat -> reference (size x) (p x)) ->
  low < best < high ->
  (forall a, low < a < high -> mean_accuracy m weight size p correct a <= mean_accuracy m weight size p correct best) ->
  mean_gap m weight size p correct best = 0.
Proof.
  intros m weight size p correct low high best h [hl hh] most.
  assert (slope := T29_slope_over_prompts m weight size p correct best h). apply is_derive_Reals in slope.
  set (A := mean_accuracy m weight size p correct) in *.
  set (pr := exist _ _ slope : derivable_pt A best).
  transitivity (derive_pt A best pr); [reflexivity|].
  apply (deriv_maximum A low high best pr hl hh). intros a ha hb. apply most. lra.
Qed.

(* One wrong mode above all right responses, and all other wrong ones below them: a level parts these two. *)
Definition one_wrong_mode n p correct mode level : Prop :=
  (mode < n)%nat /\ correct mode = false /\ 0 < level /\
  (forall y, (y < n)%nat -> correct y = true -> level < p y < p mode) /\
  (forall y, (y < n)%nat -> correct y = false -> y <> mode -> p y < level).

(* The gap times a positive number, a sum over pairs each of which falls with alpha *)
Definition pair (p : nat -> R) correct mode level alpha i j : R :=
  indicator correct i * (indicator (wrong correct) j * ((ln (p i) - ln (p j))
    * exp (alpha * (ln (p i) + ln (p j) - (ln (p mode) + ln level))))).
Definition pairs n p correct mode level alpha : R :=
  sum n (fun i => sum n (fun j => pair p correct mode level alpha i j)).

Lemma given_mean n p r s alpha b k f :
  reference n p -> some n s -> (forall y, s y = true -> r y = k) ->
  power_sum n p s alpha * E n (given n (q n p r alpha b) s) f
  = sum n (fun y => indicator s y * (Rpower (p y) alpha * f y)).
Proof.
  intros hp hs hr. assert (pos := power_sum_pos n p s alpha hs).
  assert (hz := mass_pos n (score p r alpha b) (reference_n n p hp)). fold (Z n p r alpha b) in hz.
  assert (he := exp_pos (b * k)).
  unfold E. rewrite <- sum_scale. apply sum_ext. intros y hy.
  unfold given. rewrite (mass_on n p r s alpha b k hp hr).
  unfold q, softmax, indicator. fold (Z n p r alpha b).
  destruct (s y) eqn:e; [|unfold Rdiv; ring].
  unfold score, Rpower. rewrite (hr y e), exp_plus. field. repeat split; lra.
Qed.

Lemma gap_is_pairs n p correct mode level alpha :
  reference n p -> some n correct -> some n (wrong correct) ->
  exists k, 0 < k /\ pairs n p correct mode level alpha = k * gap n p correct alpha.
Proof.
  intros hp hc hw. set (e := exp (- alpha * (ln (p mode) + ln level))).
  assert (pc := power_sum_pos n p correct alpha hc). assert (pw := power_sum_pos n p _ alpha hw).
  assert (he : 0 < e) by apply exp_pos.
  exists (e * (power_sum n p correct alpha * power_sum n p (wrong correct) alpha)). split.
  { repeat apply Rmult_lt_0_compat; assumption. }
  set (r := indicator correct).
  assert (mc := given_mean n p r correct alpha 0 1 (log p) hp hc).
  assert (mw := given_mean n p r (wrong correct) alpha 0 0 (log p) hp hw).
  unfold gap. fold r. cbv zeta.
  set (Ec := E n (given n (q n p r alpha 0) correct) (log p)) in *.
  set (Ew := E n (given n (q n p r alpha 0) (wrong correct)) (log p)) in *.
  replace (e * (power_sum n p correct alpha * power_sum n p (wrong correct) alpha) * (Ec - Ew))
    with (e * (power_sum n p (wrong correct) alpha * (power_sum n p correct alpha * Ec)
               - power_sum n p correct alpha * (power_sum n p (wrong correct) alpha * Ew))) by ring.
  rewrite mc, mw.
  2: { intros y h. unfold r, indicator, wrong in *. destruct (correct y); [discriminate|reflexivity]. }
  2: { intros y h. unfold r, indicator. rewrite h. reflexivity. }
  set (Lw := sum n (fun y => indicator (wrong correct) y * (Rpower (p y) alpha * log p y))).
  rewrite (Rmult_comm (power_sum n p correct alpha) Lw). rewrite <- sum_scale. unfold power_sum at 2.
  rewrite <- sum_scale, <- sum_minus, <- sum_scale. unfold pairs. apply sum_ext. intros i hi.
  unfold Lw, power_sum.
  replace (e * (sum n (fun y => indicator (wrong correct) y * Rpower (p y) alpha)
      * (indicator correct i * (Rpower (p i) alpha * log p i))
      - sum n (fun y => indicator (wrong correct) y * (Rpower (p y) alpha * log p y))
      * (indicator correct i * Rpower (p i) alpha)))
    with (e * indicator correct i * Rpower (p i) alpha *
      (log p i * sum n (fun y => indicator (wrong correct) y * Rpower (p y) alpha)
       - sum n (fun y => indicator (wrong correct) y * (Rpower (p y) alpha * log p y)))) by ring.
  rewrite <- sum_scale, <- sum_minus, <- sum_scale. apply sum_ext. intros j hj. unfold pair, log.
  replace (exp (alpha * (ln (p i) + ln (p j) - (ln (p mode) + ln level))))
    with (e * (Rpower (p i) alpha * Rpower (p j) alpha)); [ring|].
  unfold e, Rpower. rewrite <- !exp_plus. f_equal. ring.
Qed.

Lemma sum_lt n f g y :
  (forall y, (y < n)%nat -> f y <= g y) -> (y < n)%nat -> f y < g y -> sum n f < sum n g.
Proof.
  intros h hy lt. apply Rminus_gt_0_lt. rewrite <- sum_minus.
  apply Rlt_le_trans with (g y - f y); [lra|].
  apply (sum_ge_term n (fun y => g y - f y)); [|exact hy]. intros z hz. assert (f z <= g z) by (apply h, hz). lra.
Qed.

Lemma pair_falls n p correct mode level a a' i j :
  reference n p -> one_wrong_mode n p correct mode level -> a < a' -> (i < n)%nat -> (j < n)%nat ->
  pair p correct mode level a' i j <= pair p correct mode level a i j /\
  (correct i = true -> correct j = false -> pair p correct mode level a' i j < pair p correct mode level a i j).
Proof.
  intros hp [hm [cm [hl [right others]]]] lt hi hj. unfold pair, indicator, wrong.
  destruct (correct i) eqn:ci; [|split; [lra|discriminate]].
  destruct (correct j) eqn:cj; simpl; [split; [lra|discriminate]|].
  assert (strict : (ln (p i) - ln (p j)) * exp (a' * (ln (p i) + ln (p j) - (ln (p mode) + ln level)))
    < (ln (p i) - ln (p j)) * exp (a * (ln (p i) + ln (p j) - (ln (p mode) + ln level)))).
  { destruct (right i hi ci) as [above below].
    assert (pi : 0 < p i) by (apply hp, hi). assert (pj : 0 < p j) by (apply hp, hj).
    assert (l1 := ln_increasing _ _ hl above). assert (l2 := ln_increasing _ _ pi below).
    destruct (Nat.eq_dec j mode) as [->|ne].
    - assert (exp (a * (ln (p i) + ln (p mode) - (ln (p mode) + ln level)))
        < exp (a' * (ln (p i) + ln (p mode) - (ln (p mode) + ln level)))).
      { apply exp_increasing, Rmult_lt_compat_r; lra. }
      apply Ropp_lt_cancel. rewrite <- !Ropp_mult_distr_l_reverse || rewrite !Ropp_mult_distr_l.
      apply Rmult_lt_compat_l; lra.
    - assert (l3 := ln_increasing _ _ pj (others j hj cj ne)).
      apply Rmult_lt_compat_l; [lra|]. apply exp_increasing.
      assert (0 < (a' - a) * - (ln (p i) + ln (p j) - (ln (p mode) + ln level)))
        by (apply Rmult_lt_0_compat; lra).
      lra. }
  split; intros; lra.
Qed.

Lemma pairs_fall n p correct mode level a a' :
  reference n p -> some n correct -> one_wrong_mode n p correct mode level -> a < a' ->
  pairs n p correct mode level a' < pairs n p correct mode level a.
Proof.
  intros hp [i [hi ci]] h lt. assert (hm := proj1 h). assert (cm := proj1 (proj2 h)).
  apply (sum_lt n _ _ i); [|exact hi|].
  - intros x hx. apply sum_le. intros y hy. apply (pair_falls n); assumption.
  - apply (sum_lt n _ _ mode); [|exact hm|].
    + intros y hy. apply (pair_falls n); assumption.
    + apply (pair_falls n); assumption.
Qed.

Lemma wrong_mode_is_wrong n p correct mode level : one_wrong_mode n p correct mode level -> some n (wrong correct).
Proof. intros [hm [cm _]]. exists mode. unfold wrong. rewrite cm. split; [exact hm|reflexivity]. Qed.

Lemma gap_changes_sign_once n p correct mode level a a' :
  reference n p -> some n correct -> one_wrong_mode n p correct mode level -> a < a' ->
  gap n p correct a <= 0 -> gap n p correct a' < 0.
Proof.
  intros hp hc h lt le. assert (hw := wrong_mode_is_wrong _ _ _ _ _ h).
  destruct (gap_is_pairs n p correct mode level a hp hc hw) as [k [hk e]].
  destruct (gap_is_pairs n p correct mode level a' hp hc hw) as [k' [hk' e']].
  assert (fall := pairs_fall n p correct mode level a a' hp hc h lt).
  assert (k * gap n p correct a <= k * 0) by (apply Rmult_le_compat_l; lra).
  apply Rmult_lt_reg_l with k'; [exact hk'|]. lra.
Qed.

Lemma log_odds_grow_with_the_gap n p correct a a' :
  reference n p -> some n correct -> some n (wrong correct) -> a < a' ->
  exists c, a < c < a' /\
  logit (accuracy n p correct a') - logit (accuracy n p correct a) = gap n p correct c * (a' - a).
Proof.
  intros hp hc hw lt.
  destruct (MVT_cor2 (fun x => logit (accuracy n p correct x)) (gap n p correct) a a' lt) as [c [e hc']].
  - intros x hx. apply is_derive_Reals. apply (T3_slope_of_the_log_odds n p correct x 0 hp hc hw).
  - exists c. split; [exact hc'|exact e].
Qed.

(* T29.  With one wrong mode above all right responses and all other wrong ones below them accuracy turns at most once,
   from rising to falling: where it has stopped to rise it falls for ever. *)
Theorem T29_one_wrong_mode_turns_accuracy_once :
  forall n p correct mode level a a' a'', reference n p -> some n correct ->
  one_wrong_mode n p correct mode level -> a < a' -> a' < a'' ->
  accuracy n p correct a' <= accuracy n p correct a -> accuracy n p correct a'' < accuracy n p correct a'.
Proof.
  intros n p correct mode level a a' a'' hp hc h l1 l2 no_rise. assert (hw := wrong_mode_is_wrong _ _ _ _ _ h).
  assert (between : forall x, 0 < accuracy n p correct x < 1).
  { intros x. apply P_between; try assumption. apply q_reference, hp. }
  destruct (log_odds_grow_with_the_gap n p correct a a' hp hc hw l1) as [c [[c1 c2] e]].
  destruct (log_odds_grow_with_the_gap n p correct a' a'' hp hc hw l2) as [c' [[c3 c4] e']].
  assert (closed : gap n p correct c <= 0).
  { apply Rnot_lt_le. intros pos. assert (0 < gap n p correct c * (a' - a)) by (apply Rmult_lt_0_compat; lra).
    assert (logit (accuracy n p correct a) < logit (accuracy n p correct a')) by lra.
    apply logit_lt in H0; [lra|apply between|apply between]. }
  assert (later : gap n p correct c' < 0)
    by (apply (gap_changes_sign_once n p correct mode level c c'); try assumption; lra).
  apply logit_lt; try apply between.
  assert (0 < - gap n p correct c' * (a'' - a')) by (apply Rmult_lt_0_compat; lra). lra.
Qed.

Lemma closed_gap_is_best :
  forall n p correct mode level best a, reference n p -> some n correct ->
  one_wrong_mode n p correct mode level -> gap n p correct best = 0 -> a <> best ->
  accuracy n p correct a < accuracy n p correct best.
Proof.
  intros n p correct mode level best a hp hc h z ne. assert (hw := wrong_mode_is_wrong _ _ _ _ _ h).
  assert (between : forall x, 0 < accuracy n p correct x < 1).
  { intros x. apply P_between; try assumption. apply q_reference, hp. }
  apply logit_lt; try apply between. destruct (Rtotal_order a best) as [lt|[eq|gt]]; [|contradiction|].
  - destruct (log_odds_grow_with_the_gap n p correct a best hp hc hw lt) as [c [[c1 c2] e]].
    assert (pos : 0 < gap n p correct c).
    { apply Rnot_le_lt. intros le.
      assert (s := gap_changes_sign_once n p correct mode level c best hp hc h c2 le). lra. }
    assert (0 < gap n p correct c * (best - a)) by (apply Rmult_lt_0_compat; lra). lra.
  - destruct (log_odds_grow_with_the_gap n p correct best a hp hc hw gt) as [c [[c1 c2] e]].
    assert (neg : gap n p correct c < 0)
      by (apply (gap_changes_sign_once n p correct mode level best c); try assumption; lra).
    assert (0 < - gap n p correct c * (a - best)) by (apply Rmult_lt_0_compat; lra). lra.
Qed.

Lemma sum_continuity n (f : R -> nat -> R) :
  (forall y, continuity (fun a => f a y)) -> continuity (fun a => sum n (f a)).
Proof.
  intros h. induction n as [|n IH]; simpl; [apply continuity_const; intros x y; reflexivity|].
  exact (continuity_plus _ _ IH (h n)).
Qed.

Lemma pairs_continuity n p correct mode level : continuity (pairs n p correct mode level).
Proof.
  apply (sum_continuity n (fun a i => sum n (fun j => pair p correct mode level a i j))). intros i.
  apply (sum_continuity n (fun a j => pair p correct mode level a i j)). intros j a.
  apply derivable_continuous_pt, ex_derive_Reals_0. unfold pair. auto_derive. exact I.
Qed.

(* The sum falls at least as far as any one of its pairs. *)
Lemma pairs_drop n p correct mode level a a' i j :
  reference n p -> one_wrong_mode n p correct mode level -> a < a' -> (i < n)%nat -> (j < n)%nat ->
  pair p correct mode level a i j - pair p correct mode level a' i j
  <= pairs n p correct mode level a - pairs n p correct mode level a'.
Proof.
  intros hp h lt hi hj. unfold pairs. rewrite <- sum_minus.
  apply Rle_trans with (sum n (fun y => pair p correct mode level a i y)
    - sum n (fun y => pair p correct mode level a' i y)).
  - rewrite <- sum_minus.
    apply (sum_ge_term n (fun y => pair p correct mode level a i y - pair p correct mode level a' i y)); [|exact hj].
    intros y hy. destruct (pair_falls n p correct mode level a a' i y hp h lt hi hy). lra.
  - apply (sum_ge_term n (fun x => sum n (fun y => pair p correct mode level a x y)
      - sum n (fun y => pair p correct mode level a' x y))); [|exact hi].
    intros x hx. rewrite <- sum_minus. apply sum_nonneg. intros y hy.
    destruct (pair_falls n p correct mode level a a' x y hp h lt hx hy). lra.
Qed.

(* T29.  If there is another wrong response besides the mode, there is exactly one best alpha. *)
Theorem T29_one_wrong_mode_has_one_best_alpha :
  forall n p correct mode level other, reference n p -> some n correct ->
  one_wrong_mode n p correct mode level -> (other < n)%nat -> correct other = false -> other <> mode ->
  exists best, forall a, a <> best -> accuracy n p correct a < accuracy n p correct best.
Proof.
  intros n p correct mode level other hp hc h ho co no. destruct hc as [i [hi ci]].
  assert (hc : some n correct) by (exists i; split; assumption).
  assert (hw := wrong_mode_is_wrong _ _ _ _ _ h). assert (h' := h). destruct h' as [hm [cm [hl [right others]]]].
  destruct (right i hi ci) as [above below]. assert (under := others other ho co no).
  assert (pi : 0 < p i) by (apply hp, hi). assert (po : 0 < p other) by (apply hp, ho).
  assert (l1 := ln_increasing _ _ hl above). assert (l2 := ln_increasing _ _ pi below).
  assert (l3 := ln_increasing _ _ po under).
  set (F := pairs n p correct mode level). set (c := Rabs (F 0) + 1).
  assert (hF := Rle_abs (F 0)). assert (hF' := Rle_abs (- F 0)). rewrite Rabs_Ropp in hF'.
  assert (hcpos : 0 < c) by (unfold c; assert (z := Rabs_pos (F 0)); lra).
  assert (at_pair : forall a x y, correct x = true -> correct y = false -> pair p correct mode level a x y
    = (ln (p x) - ln (p y)) * exp (a * (ln (p x) + ln (p y) - (ln (p mode) + ln level)))).
  { intros a x y ex ey. unfold pair, indicator, wrong. rewrite ex, ey. simpl. ring. }
  (* far to the right the pair of i and the mode outweighs all *)
  set (d := ln (p mode) - ln (p i)). set (delta := ln (p i) - ln level).
  assert (hd : 0 < d) by (unfold d; lra). assert (hdelta : 0 < delta) by (unfold delta; lra).
  assert (high : F (c / (d * delta)) < 0).
  { assert (pos : 0 < c / (d * delta)) by (apply Rdiv_lt_0_compat; [exact hcpos|apply Rmult_lt_0_compat; assumption]).
    assert (drop := pairs_drop n p correct mode level 0 _ i mode hp h pos hi hm). fold F in drop.
    rewrite !at_pair in drop by assumption. rewrite Rmult_0_l, exp_0 in drop.
    replace (ln (p i) + ln (p mode) - (ln (p mode) + ln level)) with delta in drop by (unfold delta; ring).
    replace (ln (p i) - ln (p mode)) with (- d) in drop by (unfold d; ring).
    assert (grow := exp_ineq1_le (c / (d * delta) * delta)).
    replace (c / (d * delta) * delta) with (c / d) in * by (field; split; lra).
    assert (d * (1 + c / d) <= d * exp (c / d)) by (apply Rmult_le_compat_l; lra).
    replace (d * (1 + c / d)) with (d + c) in H by (field; lra). unfold c in *. lra. }
  (* far to the left the pair of i and the other wrong one does *)
  set (d' := ln (p i) - ln (p other)). set (delta' := ln (p mode) + ln level - ln (p i) - ln (p other)).
  assert (hd' : 0 < d') by (unfold d'; lra). assert (hdelta' : 0 < delta') by (unfold delta'; lra).
  assert (low : 0 < F (- (c / (d' * delta')))).
  { assert (pos : 0 < c / (d' * delta')) by (apply Rdiv_lt_0_compat; [exact hcpos|apply Rmult_lt_0_compat; assumption]).
    assert (neg : - (c / (d' * delta')) < 0) by lra.
    assert (drop := pairs_drop n p correct mode level _ 0 i other hp h neg hi ho). fold F in drop.
    rewrite !at_pair in drop by assumption. rewrite Rmult_0_l, exp_0 in drop. fold d' in drop.
    replace (- (c / (d' * delta')) * (ln (p i) + ln (p other) - (ln (p mode) + ln level))) with (c / d') in drop
      by (unfold delta'; field; split; unfold delta', d' in *; lra).
    assert (grow := exp_ineq1_le (c / d')).
    assert (d' * (1 + c / d') <= d' * exp (c / d')) by (apply Rmult_le_compat_l; lra).
    replace (d' * (1 + c / d')) with (d' + c) in H by (field; lra). unfold c in *. lra. }
  assert (order : - (c / (d' * delta')) < c / (d * delta)).
  { assert (0 < c / (d * delta)) by (apply Rdiv_lt_0_compat; [exact hcpos|apply Rmult_lt_0_compat; assumption]).
    assert (0 < c / (d' * delta')) by (apply Rdiv_lt_0_compat; [exact hcpos|apply Rmult_lt_0_compat; assumption]).
    lra. }
  destruct (IVT (fun a => - F a) (- (c / (d' * delta'))) (c / (d * delta))) as [best [_ root]].
  - exact (continuity_opp F (pairs_continuity n p correct mode level)).
  - exact order.
  - lra.
  - lra.
  - exists best. intros a ne. apply (closed_gap_is_best n p correct mode level best a hp hc h); [|exact ne].
    destruct (gap_is_pairs n p correct mode level best hp hc hw) as [k [hk e]]. fold F in e.
    apply Rmult_eq_reg_l with k; lra.
Qed.
