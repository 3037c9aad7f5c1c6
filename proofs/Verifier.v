(* T27: what a verifier that errs leads to.  It accepts the set V; the reward is 1 there. *)

From Coq Require Import Reals Lra Lia Psatz Bool.
From Coquelicot Require Import Coquelicot.
From Sharpening Require Import Setting Moments Diversity.
Open Scope R_scope.

Definition both (s t : nat -> bool) (y : nat) : bool := s y && t y.
Definition rejects (accepts : nat -> bool) (y : nat) : bool := negb (accepts y).

(* P(s | t) under pi *)
Definition conditional (n : nat) (pi : nat -> R) (s t : nat -> bool) : R := P n pi (both s t) / P n pi t.

Lemma P_split n pi s t : P n pi s = P n pi (both s t) + P n pi (both s (rejects t)).
Proof.
  unfold P, E. rewrite <- sum_plus. apply sum_ext. intros y hy. unfold indicator, both, rejects.
  destruct (s y), (t y); simpl; ring.
Qed.

Lemma tilted_mass n p accepts s b k :
  reference n p -> (forall y, s y = true -> indicator accepts y = k) ->
  P n (q n p (indicator accepts) 1 b) s = exp (b * k) * P n p s / Z n p (indicator accepts) 1 b.
Proof.
  intros hp hs. rewrite (mass_on n p _ s 1 b k hp hs). f_equal. f_equal. rewrite P_sum. unfold power_sum.
  apply sum_ext. intros y hy. rewrite Rpower_1; [reflexivity|apply hp, hy].
Qed.

Lemma tilted_parts n p accepts s b :
  reference n p ->
  P n (q n p (indicator accepts) 1 b) (both s accepts)
    = exp b * P n p (both s accepts) / Z n p (indicator accepts) 1 b /\
  P n (q n p (indicator accepts) 1 b) (both s (rejects accepts))
    = P n p (both s (rejects accepts)) / Z n p (indicator accepts) 1 b.
Proof.
  intros hp. split.
  - rewrite (tilted_mass n p accepts (both s accepts) b 1 hp); [rewrite Rmult_1_r; reflexivity|].
    intros y e. apply andb_prop in e. unfold indicator. rewrite (proj2 e). reflexivity.
  - rewrite (tilted_mass n p accepts (both s (rejects accepts)) b 0 hp).
    + rewrite Rmult_0_r, exp_0, Rmult_1_l. reflexivity.
    + intros y e. apply andb_prop in e. destruct e as [_ e]. unfold rejects in e. unfold indicator.
      destruct (accepts y); [discriminate|reflexivity].
Qed.

Definition everything (_ : nat) : bool := true.

Lemma P_ext n pi s t : (forall y, s y = t y) -> P n pi s = P n pi t.
Proof. intros h. apply sum_ext. intros y hy. unfold indicator. rewrite h. reflexivity. Qed.

Lemma tilted_normaliser n p accepts b :
  reference n p -> Z n p (indicator accepts) 1 b = P n p accepts * exp b + P n p (rejects accepts).
Proof.
  intros hp. assert (hz := mass_pos n (score p (indicator accepts) 1 b) (reference_n n p hp)).
  fold (Z n p (indicator accepts) 1 b) in hz.
  assert (one : P n (q n p (indicator accepts) 1 b) everything = 1).
  { transitivity (sum n (q n p (indicator accepts) 1 b)); [|apply (q_policy n p _ 1 b hp)].
    apply sum_ext. intros. unfold indicator, everything. ring. }
  rewrite (P_split n _ everything accepts) in one.
  rewrite (proj1 (tilted_parts n p accepts everything b hp)), (proj2 (tilted_parts n p accepts everything b hp)) in one.
  rewrite (P_ext n p (both everything accepts) accepts) in one by reflexivity.
  rewrite (P_ext n p (both everything (rejects accepts)) (rejects accepts)) in one by reflexivity.
  apply (f_equal (Rmult (Z n p (indicator accepts) 1 b))) in one. rewrite Rmult_1_r in one. rewrite <- one. field. lra.
Qed.

(* T27.  A(b) = (P(C and V) e^b + P(C not V)) / (P(V) e^b + P(not V)). *)
Theorem T27_accuracy_under_a_faulty_verifier :
  forall n p correct accepts b, reference n p ->
  P n (q n p (indicator accepts) 1 b) correct
  = (P n p (both correct accepts) * exp b + P n p (both correct (rejects accepts)))
    / (P n p accepts * exp b + P n p (rejects accepts)).
Proof.
  intros n p correct accepts b hp. assert (hz := mass_pos n (score p (indicator accepts) 1 b) (reference_n n p hp)).
  fold (Z n p (indicator accepts) 1 b) in hz. rewrite <- tilted_normaliser by exact hp.
  rewrite (P_split n _ correct accepts).
  rewrite (proj1 (tilted_parts n p accepts correct b hp)), (proj2 (tilted_parts n p accepts correct b hp)).
  field. lra.
Qed.

Lemma accuracy_change n p correct accepts b b' :
  reference n p -> some n accepts -> some n (rejects accepts) -> b < b' ->
  exists k, 0 < k /\
  P n (q n p (indicator accepts) 1 b') correct - P n (q n p (indicator accepts) 1 b) correct
  = k * (conditional n p correct accepts - conditional n p correct (rejects accepts)).
Proof.
  intros hp hv hr lt. rewrite !T27_accuracy_under_a_faulty_verifier by exact hp. unfold conditional.
  assert (v := P_pos n p accepts hp hv). assert (w := P_pos n p (rejects accepts) hp hr).
  set (V := P n p accepts) in *. set (W := P n p (rejects accepts)) in *.
  assert (e := exp_pos b). assert (e' := exp_pos b'). assert (up := exp_increasing b b' lt).
  assert (0 < V * exp b) by (apply Rmult_lt_0_compat; assumption).
  assert (0 < V * exp b') by (apply Rmult_lt_0_compat; assumption).
  exists (V * W * (exp b' - exp b) / ((V * exp b + W) * (V * exp b' + W))). split.
  - apply Rdiv_lt_0_compat; repeat apply Rmult_lt_0_compat; lra.
  - field. repeat split; lra.
Qed.

(* T27.  It is monotone in b: it gains at every b exactly when P(C | V) > P(C | not V), and loses when it is less. *)
Theorem T27_when_a_faulty_verifier_gains :
  forall n p correct accepts b b', reference n p -> some n accepts -> some n (rejects accepts) -> b < b' ->
  (P n (q n p (indicator accepts) 1 b) correct < P n (q n p (indicator accepts) 1 b') correct <->
   conditional n p correct (rejects accepts) < conditional n p correct accepts) /\
  (P n (q n p (indicator accepts) 1 b') correct < P n (q n p (indicator accepts) 1 b) correct <->
   conditional n p correct accepts < conditional n p correct (rejects accepts)).
Proof.
  intros n p correct accepts b b' hp hv hr lt.
  destruct (accuracy_change n p correct accepts b b' hp hv hr lt) as [k [hk e]].
  split; split; intros h.
  - apply Rminus_gt_0_lt. apply Rmult_lt_reg_l with k; [exact hk|]. lra.
  - assert (0 < k * (conditional n p correct accepts - conditional n p correct (rejects accepts)))
      by (apply Rmult_lt_0_compat; lra). lra.
  - apply Rminus_gt_0_lt. apply Rmult_lt_reg_l with k; [exact hk|]. lra.
  - assert (0 < k * (conditional n p correct (rejects accepts) - conditional n p correct accepts))
      by (apply Rmult_lt_0_compat; lra). lra.
Qed.

(* T27.  Its limit is the verifier's precision on base samples, P(C | V). *)
Theorem T27_the_limit_is_the_verifiers_precision :
  forall n p correct accepts, reference n p -> some n accepts ->
  is_lim (fun b => P n (q n p (indicator accepts) 1 b) correct) p_infty (conditional n p correct accepts).
Proof.
  intros n p correct accepts hp hv. assert (v := P_pos n p accepts hp hv).
  set (g := fun x => (P n p (both correct accepts) + P n p (both correct (rejects accepts)) * x)
    / (P n p accepts + P n p (rejects accepts) * x)).
  assert (w : 0 <= P n p (rejects accepts)).
  { rewrite P_sum. apply sum_nonneg. intros y hy. apply Rmult_le_pos; [apply indicator_nonneg|left; apply hp, hy]. }
  apply (is_lim_ext (fun b => g (exp (- b)))).
  { intros b. rewrite T27_accuracy_under_a_faulty_verifier by exact hp. unfold g. rewrite exp_Ropp.
    assert (e := exp_pos b). assert (0 < P n p accepts * exp b) by (apply Rmult_lt_0_compat; assumption).
    field. repeat split; lra. }
  replace (conditional n p correct accepts) with (g 0) by (unfold g, conditional; f_equal; ring).
  apply (is_lim_comp_continuous (fun b => exp (- b)) g p_infty 0).
  - apply (is_lim_comp exp Ropp p_infty 0 m_infty).
    + apply is_lim_exp_m.
    + replace m_infty with (Rbar_opp p_infty) by reflexivity. apply is_lim_opp, is_lim_id.
    + exists 0. intros; discriminate.
  - apply (ex_derive_continuous g). unfold g. auto_derive. rewrite Rmult_0_r, Rplus_0_r. lra.
Qed.

(* T27.  Rejecting a share f of the correct and accepting a share f' of the wrong, whatever the response, only rescales
   b: logit A = logit A0 + b (1 - f - f'). *)
Theorem T27_independent_errors_rescale_the_reward :
  forall n p correct f f' b, reference n p -> some n correct -> some n (wrong correct) ->
  logit (P n (q n p (fun y => if correct y then 1 - f else f') 1 b) correct) = logit (P n p correct) + b * (1 - f - f').
Proof.
  intros n p correct f f' b hp hc hw. set (r := fun y => if correct y then 1 - f else f').
  assert (hz := mass_pos n (score p r 1 b) (reference_n n p hp)). fold (Z n p r 1 b) in hz.
  rewrite (logit_P n (q n p r 1 b)) by (apply q_policy, hp).
  rewrite (logit_P n p) by (split; [intros; left; apply hp; assumption|apply hp]).
  rewrite (mass_on n p r correct 1 b (1 - f) hp) by (intros y e; unfold r; rewrite e; reflexivity).
  rewrite (mass_on n p r (wrong correct) 1 b f' hp).
  2: { intros y e. unfold r, wrong in *. destruct (correct y); [discriminate|reflexivity]. }
  assert (same : forall s, power_sum n p s 1 = P n p s).
  { intros s. rewrite P_sum. apply sum_ext. intros y hy. rewrite Rpower_1; [reflexivity|apply hp, hy]. }
  rewrite !same. assert (pc := P_pos n p correct hp hc). assert (pw := P_pos n p _ hp hw).
  assert (ef := exp_pos (b * f')).
  replace (exp (b * (1 - f)) * P n p correct / Z n p r 1 b / (exp (b * f') * P n p (wrong correct) / Z n p r 1 b))
    with (P n p correct / P n p (wrong correct) * exp (b * (1 - f - f'))).
  - rewrite ln_mult, ln_exp; [reflexivity|apply Rdiv_lt_0_compat; assumption|apply exp_pos].
  - replace (b * (1 - f)) with (b * (1 - f - f') + b * f') by ring. rewrite exp_plus. field. repeat split; lra.
Qed.

(* T27.  With t = P(V | C) and f = P(V | W): logit A(b) = logit A0 + log (t e^b + 1 - t) - log (f e^b + 1 - f). *)
Theorem T27_log_odds_under_a_faulty_verifier :
  forall n p correct accepts b, reference n p -> some n correct -> some n (wrong correct) ->
  let t := conditional n p accepts correct in
  let f := conditional n p accepts (wrong correct) in
  logit (P n (q n p (indicator accepts) 1 b) correct)
  = logit (P n p correct) + ln (t * exp b + 1 - t) - ln (f * exp b + 1 - f).
Proof.
  intros n p correct accepts b hp hc hw t f.
  assert (hz := mass_pos n (score p (indicator accepts) 1 b) (reference_n n p hp)).
  fold (Z n p (indicator accepts) 1 b) in hz.
  assert (on : forall s, some n s -> let u := conditional n p accepts s in
    0 < u * exp b + 1 - u /\
    P n (q n p (indicator accepts) 1 b) s = P n p s * (u * exp b + 1 - u) / Z n p (indicator accepts) 1 b).
  { intros s hs u. assert (ps := P_pos n p s hp hs).
    assert (qs := P_pos n _ s (q_reference n p (indicator accepts) 1 b hp) hs).
    assert (e : P n (q n p (indicator accepts) 1 b) s
      = P n p s * (u * exp b + 1 - u) / Z n p (indicator accepts) 1 b).
    { rewrite (P_split n _ s accepts). destruct (tilted_parts n p accepts s b hp) as [e1 e2]. rewrite e1, e2.
      assert (split := P_split n p s accepts). unfold u, conditional.
      rewrite (P_ext n p (both accepts s) (both s accepts)) by (intros; apply andb_comm).
      replace (P n p (both s (rejects accepts))) with (P n p s - P n p (both s accepts)) by lra. field. lra. }
    split; [|exact e]. rewrite e in qs.
    apply Rmult_lt_reg_l with (P n p s / Z n p (indicator accepts) 1 b); [apply Rdiv_lt_0_compat; assumption|].
    rewrite Rmult_0_r. unfold Rdiv in *. lra. }
  destruct (on correct hc) as [c1 c2]. destruct (on (wrong correct) hw) as [w1 w2]. fold t in c1, c2. fold f in w1, w2.
  rewrite (logit_P n (q n p _ 1 b)) by (apply q_policy, hp).
  rewrite (logit_P n p) by (split; [intros; left; apply hp; assumption|apply hp]). rewrite c2, w2.
  assert (pc := P_pos n p correct hp hc). assert (pw := P_pos n p _ hp hw).
  replace (P n p correct * (t * exp b + 1 - t) / Z n p (indicator accepts) 1 b
    / (P n p (wrong correct) * (f * exp b + 1 - f) / Z n p (indicator accepts) 1 b))
    with (P n p correct / P n p (wrong correct) * (t * exp b + 1 - t) * / (f * exp b + 1 - f)) by (field; lra).
  assert (0 < P n p correct / P n p (wrong correct)) by (apply Rdiv_lt_0_compat; assumption).
  rewrite (ln_mult (_ * _)), ln_mult, ln_Rinv; try assumption; try lra.
  - apply Rmult_lt_0_compat; assumption.
  - apply Rinv_0_lt_compat, w1.
Qed.

(* T27.  So it gains exactly when right responses are accepted more often than wrong ones. *)
Theorem T27_it_gains_when_right_responses_are_accepted_more_often :
  forall n p correct accepts b, reference n p -> some n correct -> some n (wrong correct) -> 0 < b ->
  P n p correct < P n (q n p (indicator accepts) 1 b) correct <->
  conditional n p accepts (wrong correct) < conditional n p accepts correct.
Proof.
  intros n p correct accepts b hp hc hw hb.
  rewrite logit_lt by (apply P_between; try assumption; apply q_reference, hp).
  rewrite T27_log_odds_under_a_faulty_verifier by assumption. cbv zeta.
  set (t := conditional n p accepts correct). set (f := conditional n p accepts (wrong correct)).
  assert (e : 1 < exp b) by (rewrite <- exp_0; apply exp_increasing, hb).
  assert (share : forall s, some n s -> 0 <= conditional n p accepts s).
  { intros s hs. apply Rmult_le_pos; [|left; apply Rinv_0_lt_compat, P_pos; assumption].
    rewrite P_sum. apply sum_nonneg. intros y hy. apply Rmult_le_pos; [apply indicator_nonneg|left; apply hp, hy]. }
  assert (ht : 0 <= t) by (apply share, hc). assert (hf : 0 <= f) by (apply share, hw).
  assert (pt : 0 < t * exp b + 1 - t) by nra. assert (pf : 0 < f * exp b + 1 - f) by nra.
  split; intros h.
  - destruct (Rlt_le_dec f t) as [lt|le]; [exact lt|]. exfalso.
    assert (t * exp b + 1 - t <= f * exp b + 1 - f) by nra.
    assert (ln (t * exp b + 1 - t) <= ln (f * exp b + 1 - f)).
    { destruct H as [H|H]; [left; apply ln_increasing; assumption|rewrite H; lra]. }
    lra.
  - assert (ln (f * exp b + 1 - f) < ln (t * exp b + 1 - t)) by (apply ln_increasing; nra). lra.
Qed.
