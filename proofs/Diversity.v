(* T3: sharpening multiplies the log-odds and charges for diversity.  The reward is 1 on the correct responses. *)

From Coq Require Import Reals Lra Lia Psatz Bool.
From Coquelicot Require Import Coquelicot.
From Sharpening Require Import Setting Moments.
Open Scope R_scope.

Definition indicator (s : nat -> bool) (y : nat) : R := if s y then 1 else 0.
Definition wrong (correct : nat -> bool) (y : nat) : bool := negb (correct y).

(* P(s), and the policy given s *)
Definition P (n : nat) (pi : nat -> R) (s : nat -> bool) : R := E n pi (indicator s).
Definition given (n : nat) (pi : nat -> R) (s : nat -> bool) (y : nat) : R := indicator s y * pi y / P n pi s.

Definition logit (x : R) : R := ln (x / (1 - x)).

(* The sum of p(y)^alpha over a set, and its Renyi entropy H_alpha; at alpha = 1 Shannon's. *)
Definition power_sum (n : nat) (p : nat -> R) (s : nat -> bool) (alpha : R) : R :=
  sum n (fun y => indicator s y * Rpower (p y) alpha).
Definition renyi (n : nat) (p : nat -> R) (s : nat -> bool) (alpha : R) : R :=
  if Req_EM_T alpha 1 then H n (given n p s)
  else ln (power_sum n (given n p s) s alpha) / (1 - alpha).

Definition some (n : nat) (s : nat -> bool) : Prop := exists y, (y < n)%nat /\ s y = true.

Lemma indicator_nonneg s y : 0 <= indicator s y.
Proof. unfold indicator. destruct (s y); lra. Qed.

Lemma sum_over_pos n s f :
  (forall y, (y < n)%nat -> 0 < f y) -> some n s -> 0 < sum n (fun y => indicator s y * f y).
Proof.
  intros h [y [hy e]]. apply Rlt_le_trans with (indicator s y * f y).
  - unfold indicator. rewrite e. assert (0 < f y) by (apply h, hy). lra.
  - apply (sum_ge_term n (fun y => indicator s y * f y)); [|exact hy].
    intros z hz. apply Rmult_le_pos; [apply indicator_nonneg|left; apply h, hz].
Qed.

Lemma P_sum n pi s : P n pi s = sum n (fun y => indicator s y * pi y).
Proof. apply sum_ext. intros; ring. Qed.

Lemma P_pos n pi s : reference n pi -> some n s -> 0 < P n pi s.
Proof. intros [pos _] hs. rewrite P_sum. apply sum_over_pos; assumption. Qed.

Lemma P_wrong n pi correct : policy n pi -> P n pi (wrong correct) = 1 - P n pi correct.
Proof.
  intros [_ s]. unfold P, E. rewrite <- s, <- sum_minus. apply sum_ext. intros y hy.
  unfold indicator, wrong. destruct (correct y); simpl; ring.
Qed.

Lemma logit_P n pi correct :
  policy n pi -> logit (P n pi correct) = ln (P n pi correct / P n pi (wrong correct)).
Proof. intros h. unfold logit. rewrite P_wrong by exact h. reflexivity. Qed.

(* The mass of q(alpha, b) on the correct responses is e^b times their power sum, on the wrong ones the power sum. *)
Lemma mass_on n p r s alpha b k :
  reference n p -> (forall y, s y = true -> r y = k) ->
  P n (q n p r alpha b) s = exp (b * k) * power_sum n p s alpha / Z n p r alpha b.
Proof.
  intros hp hr. assert (hz := mass_pos n (score p r alpha b) (reference_n n p hp)). fold (Z n p r alpha b) in hz.
  replace (exp (b * k) * power_sum n p s alpha / Z n p r alpha b)
    with (sum n (fun y => exp (b * k) / Z n p r alpha b * (indicator s y * Rpower (p y) alpha))).
  2: { rewrite sum_scale. unfold power_sum. field. lra. }
  apply sum_ext. intros y hy. unfold q, softmax, indicator. fold (Z n p r alpha b).
  destruct (s y) eqn:e; [|ring]. unfold score, Rpower. rewrite (hr y e), exp_plus. field. lra.
Qed.

Lemma power_sum_pos n p s alpha : some n s -> 0 < power_sum n p s alpha.
Proof. intros hs. apply sum_over_pos; [intros; apply exp_pos|exact hs]. Qed.

Lemma odds n p correct alpha b :
  reference n p -> some n correct -> some n (wrong correct) ->
  logit (P n (q n p (indicator correct) alpha b) correct)
  = b + ln (power_sum n p correct alpha) - ln (power_sum n p (wrong correct) alpha).
Proof.
  intros hp hc hw. rewrite logit_P by (apply q_policy, hp).
  assert (hz := mass_pos n (score p (indicator correct) alpha b) (reference_n n p hp)).
  fold (Z n p (indicator correct) alpha b) in hz.
  rewrite (mass_on n p _ correct alpha b 1 hp) by (intros y e; unfold indicator; rewrite e; reflexivity).
  rewrite (mass_on n p _ (wrong correct) alpha b 0 hp).
  2: { intros y e. unfold indicator, wrong in *. destruct (correct y); [discriminate|reflexivity]. }
  assert (pc := power_sum_pos n p correct alpha hc). assert (pw := power_sum_pos n p _ alpha hw).
  replace (b * 1) with b by ring. replace (b * 0) with 0 by ring. rewrite exp_0.
  replace (exp b * power_sum n p correct alpha / Z n p (indicator correct) alpha b /
    (1 * power_sum n p (wrong correct) alpha / Z n p (indicator correct) alpha b))
    with (exp b * power_sum n p correct alpha * / power_sum n p (wrong correct) alpha) by (field; lra).
  rewrite !ln_mult, ln_Rinv, ln_exp; try assumption; try ring; try (apply exp_pos).
  - apply Rmult_lt_0_compat; [apply exp_pos|exact pc].
  - apply Rinv_0_lt_compat, pw.
Qed.

(* log of the power sum = alpha log P(s) + (1 - alpha) H_alpha of p given s, at every alpha *)
Lemma ln_power_sum n p s alpha :
  reference n p -> some n s ->
  ln (power_sum n p s alpha) = alpha * ln (P n p s) + (1 - alpha) * renyi n p s alpha.
Proof.
  intros hp hs. assert (pos := P_pos n p s hp hs). unfold renyi. destruct (Req_EM_T alpha 1) as [->|ne].
  - rewrite P_sum. unfold power_sum.
    rewrite (sum_ext n (fun y => indicator s y * Rpower (p y) 1) (fun y => indicator s y * p y)); [ring|].
    intros y hy. rewrite Rpower_1; [reflexivity|apply hp, hy].
  - assert (e : power_sum n p s alpha = Rpower (P n p s) alpha * power_sum n (given n p s) s alpha).
    { unfold power_sum. rewrite <- sum_scale. apply sum_ext. intros y hy. unfold given, indicator.
      destruct (s y); [|ring]. rewrite !Rmult_1_l. rewrite Rpower_mult_distr; [|exact pos|].
      - f_equal. field. lra.
      - apply Rdiv_lt_0_compat; [apply hp, hy|exact pos]. }
    rewrite e, ln_mult; [|apply exp_pos|apply power_sum_pos, hs]. unfold Rpower at 1. rewrite ln_exp. field. lra.
Qed.

(* T3.  The diversity gap, exact at every alpha:
   logit A = alpha logit A0 - (alpha - 1) [H_alpha(p given C) - H_alpha(p given W)] + b. *)
Theorem T3_diversity_gap :
  forall n p correct alpha b, reference n p -> some n correct -> some n (wrong correct) ->
  logit (P n (q n p (indicator correct) alpha b) correct)
  = alpha * logit (P n p correct) - (alpha - 1) * (renyi n p correct alpha - renyi n p (wrong correct) alpha) + b.
Proof.
  intros n p correct alpha b hp hc hw. rewrite odds, !ln_power_sum by assumption.
  rewrite logit_P by (split; [intros; left; apply hp; assumption|apply hp]).
  assert (pc := P_pos n p correct hp hc). assert (pw := P_pos n p _ hp hw).
  unfold Rdiv. rewrite ln_mult, ln_Rinv; [ring|exact pw|exact pc|apply Rinv_0_lt_compat, pw].
Qed.

(* log-odds name the accuracy: they grow together *)
Lemma P_between n pi correct : reference n pi -> some n correct -> some n (wrong correct) -> 0 < P n pi correct < 1.
Proof.
  intros hp hc hw. assert (pc := P_pos n pi correct hp hc). assert (pw := P_pos n pi _ hp hw).
  rewrite P_wrong in pw by (split; [intros; left; apply hp; assumption|apply hp]). lra.
Qed.

Lemma logit_alt x : 0 < x < 1 -> logit x = ln x - ln (1 - x).
Proof.
  intros h. unfold logit, Rdiv. rewrite ln_mult, ln_Rinv; [ring|lra|lra|apply Rinv_0_lt_compat; lra].
Qed.

Lemma logit_lt x y : 0 < x < 1 -> 0 < y < 1 -> (x < y <-> logit x < logit y).
Proof.
  intros hx hy. rewrite !logit_alt by assumption.
  assert (up : forall u v, 0 < u < 1 -> 0 < v < 1 -> u < v -> ln u - ln (1 - u) < ln v - ln (1 - v)).
  { intros u v hu hv l. assert (ln u < ln v) by (apply ln_increasing; lra).
    assert (ln (1 - v) < ln (1 - u)) by (apply ln_increasing; lra). lra. }
  split; [apply up; assumption|]. intros l. destruct (Rtotal_order x y) as [t|[->|t]]; [exact t|lra|].
  assert (g := up y x hy hx t). lra.
Qed.

(* T3.  For alpha > 1 sharpening helps exactly when the base log-odds exceed the diversity gap. *)
Theorem T3_when_sharpening_helps :
  forall n p correct alpha, reference n p -> some n correct -> some n (wrong correct) -> 1 < alpha ->
  P n p correct < P n (q n p (indicator correct) alpha 0) correct <->
  renyi n p correct alpha - renyi n p (wrong correct) alpha < logit (P n p correct).
Proof.
  intros n p correct alpha hp hc hw ha.
  rewrite logit_lt by (apply P_between; try assumption; apply q_reference, hp).
  rewrite T3_diversity_gap by assumption. split; intros h.
  - apply Rmult_lt_reg_l with (alpha - 1); lra.
  - assert ((alpha - 1) * (renyi n p correct alpha - renyi n p (wrong correct) alpha)
      < (alpha - 1) * logit (P n p correct)) by (apply Rmult_lt_compat_l; lra). lra.
Qed.

Lemma power_sum_derive n p s alpha :
  is_derive (power_sum n p s) alpha (sum n (fun y => indicator s y * (Rpower (p y) alpha * ln (p y)))).
Proof.
  apply (sum_derive n (fun a y => indicator s y * Rpower (p y) a)
    (fun y => indicator s y * (Rpower (p y) alpha * ln (p y)))). intros y hy.
  apply (is_derive_scal (fun a => Rpower (p y) a)). unfold Rpower.
  replace (exp (alpha * ln (p y)) * ln (p y)) with (scal (ln (p y)) (exp (alpha * ln (p y))))
    by (unfold scal; simpl; unfold mult; simpl; ring).
  apply (is_derive_comp exp (fun a => a * ln (p y))); [apply is_derive_Reals, derivable_pt_lim_exp|].
  apply linear_derive.
Qed.

Lemma ln_power_sum_derive n p r s alpha b k :
  reference n p -> some n s -> (forall y, s y = true -> r y = k) ->
  is_derive (fun a => ln (power_sum n p s a)) alpha (E n (given n (q n p r alpha b) s) (log p)).
Proof.
  intros hp hs hr. assert (pos := power_sum_pos n p s alpha hs).
  assert (hz := mass_pos n (score p r alpha b) (reference_n n p hp)). fold (Z n p r alpha b) in hz.
  assert (he := exp_pos (b * k)).
  replace (E n (given n (q n p r alpha b) s) (log p))
    with (scal (sum n (fun y => indicator s y * (Rpower (p y) alpha * ln (p y)))) (/ power_sum n p s alpha)).
  - apply (is_derive_comp ln (power_sum n p s)); [|apply power_sum_derive].
    apply is_derive_Reals, derivable_pt_lim_ln, pos.
  - unfold scal; simpl; unfold mult; simpl. rewrite Rmult_comm, <- sum_scale. apply sum_ext. intros y hy.
    unfold given, log. rewrite (mass_on n p r s alpha b k hp hr).
    unfold q, softmax, score, indicator, Rpower. fold (score p r alpha b). fold (Z n p r alpha b).
    destruct (s y) eqn:e; [|unfold Rdiv; ring]. rewrite (hr y e), exp_plus. field. repeat split; lra.
Qed.

(* T3.  The slope along alpha is the gap of conditional means: d/dalpha logit A = E[log p | C] - E[log p | W]. *)
Theorem T3_slope_of_the_log_odds :
  forall n p correct alpha b, reference n p -> some n correct -> some n (wrong correct) ->
  let at_point := q n p (indicator correct) alpha b in
  is_derive (fun a => logit (P n (q n p (indicator correct) a b) correct)) alpha
    (E n (given n at_point correct) (log p) - E n (given n at_point (wrong correct)) (log p)).
Proof.
  intros n p correct alpha b hp hc hw at_point.
  apply (is_derive_ext (fun a => b + ln (power_sum n p correct a) - ln (power_sum n p (wrong correct) a))).
  { intros a. in_R. symmetry. apply odds; assumption. }
  apply (is_derive_minus (fun a => b + ln (power_sum n p correct a)) (fun a => ln (power_sum n p (wrong correct) a))).
  - replace (E n (given n at_point correct) (log p)) with (0 + E n (given n at_point correct) (log p)) by ring.
    apply (is_derive_plus (fun _ => b) (fun a => ln (power_sum n p correct a))); [apply (is_derive_const b alpha)|].
    apply (ln_power_sum_derive n p (indicator correct) correct alpha b 1); try assumption.
    intros y e. unfold indicator. rewrite e. reflexivity.
  - apply (ln_power_sum_derive n p (indicator correct) (wrong correct) alpha b 0); try assumption.
    intros y e. unfold indicator, wrong in *. destruct (correct y); [discriminate|reflexivity].
Qed.
