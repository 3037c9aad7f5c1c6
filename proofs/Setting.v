(* The setting of docs/theorems.md on a finite response set {0, ..., n-1}, over Coq's real numbers.

   A reference p with p(y) > 0 for every response and sum one, a reward r, and the policies that tilt p:
   q(alpha, b)(y) = p(y)^alpha e^(b r(y)) / Z(alpha, b).  Responses that p cannot give are left out: they
   carry no mass anywhere (T24).  Coq's ln is 0 at 0, so pi(y) ln pi(y) is 0 at pi(y) = 0, as it should be. *)

From Coq Require Import Reals Lra Lia Psatz.
From Coquelicot Require Import Coquelicot.
Open Scope R_scope.

(* f(0) + ... + f(n-1) *)
Fixpoint sum (n : nat) (f : nat -> R) : R :=
  match n with O => 0 | S m => sum m f + f m end.

Definition policy (n : nat) (pi : nat -> R) : Prop :=
  (forall y, (y < n)%nat -> 0 <= pi y) /\ sum n pi = 1.

Definition reference (n : nat) (p : nat -> R) : Prop :=
  (forall y, (y < n)%nat -> 0 < p y) /\ sum n p = 1.

Definition E (n : nat) (pi f : nat -> R) : R := sum n (fun y => pi y * f y).
Definition Cov (n : nat) (pi f g : nat -> R) : R := E n pi (fun y => f y * g y) - E n pi f * E n pi g.
Definition Var (n : nat) (pi f : nat -> R) : R := Cov n pi f f.
Definition H (n : nat) (pi : nat -> R) : R := - sum n (fun y => pi y * ln (pi y)).
Definition KL (n : nat) (pi mu : nat -> R) : R := sum n (fun y => pi y * (ln (pi y) - ln (mu y))).

Definition log (p : nat -> R) : nat -> R := fun y => ln (p y).

(* The softmax of a score: every q(alpha, b) is one. *)
Definition mass (n : nat) (score : nat -> R) : R := sum n (fun y => exp (score y)).
Definition softmax (n : nat) (score : nat -> R) (y : nat) : R := exp (score y) / mass n score.

Definition score (p r : nat -> R) (alpha b : R) (y : nat) : R := alpha * ln (p y) + b * r y.
Definition Z (n : nat) (p r : nat -> R) (alpha b : R) : R := mass n (score p r alpha b).
Definition Phi (n : nat) (p r : nat -> R) (alpha b : R) : R := ln (Z n p r alpha b).
Definition q (n : nat) (p r : nat -> R) (alpha b : R) : nat -> R := softmax n (score p r alpha b).

(* w E r + c E log p + tau H *)
Definition J (n : nat) (p r : nat -> R) (w c tau : R) (pi : nat -> R) : R :=
  w * E n pi r + c * E n pi (log p) + tau * H n pi.

(* Coquelicot states equalities in a normed module; `ring` wants to be told that it is R. *)
Ltac in_R := match goal with |- @eq _ ?x ?y => change (@eq R x y) end.

(* Sums *)

Lemma sum_ext n f g : (forall y, (y < n)%nat -> f y = g y) -> sum n f = sum n g.
Proof.
  induction n as [|n IH]; simpl; intros h; [reflexivity|].
  rewrite (IH (fun y hy => h y (Nat.lt_lt_succ_r _ _ hy))), (h n); [reflexivity|lia].
Qed.

Lemma sum_plus n f g : sum n (fun y => f y + g y) = sum n f + sum n g.
Proof. induction n as [|n IH]; simpl; [ring|rewrite IH; ring]. Qed.

Lemma sum_scale n a f : sum n (fun y => a * f y) = a * sum n f.
Proof. induction n as [|n IH]; simpl; [ring|rewrite IH; ring]. Qed.

Lemma sum_minus n f g : sum n (fun y => f y - g y) = sum n f - sum n g.
Proof. induction n as [|n IH]; simpl; [ring|rewrite IH; ring]. Qed.

Lemma sum_zero n : sum n (fun _ => 0) = 0.
Proof. induction n as [|n IH]; simpl; [ring|rewrite IH; ring]. Qed.

Lemma sum_le n f g : (forall y, (y < n)%nat -> f y <= g y) -> sum n f <= sum n g.
Proof.
  induction n as [|n IH]; simpl; intros h; [lra|].
  assert (f n <= g n) by (apply h; lia).
  assert (sum n f <= sum n g) by (apply IH; intros; apply h; lia). lra.
Qed.

Lemma sum_nonneg n f : (forall y, (y < n)%nat -> 0 <= f y) -> 0 <= sum n f.
Proof. intros h. rewrite <- (sum_zero n). apply sum_le; intros y hy; auto. Qed.

Lemma sum_ge_term n f y : (forall y, (y < n)%nat -> 0 <= f y) -> (y < n)%nat -> f y <= sum n f.
Proof.
  induction n as [|n IH]; simpl; intros h hy; [lia|].
  assert (0 <= f n) by (apply h; lia).
  assert (0 <= sum n f) by (apply sum_nonneg; intros; apply h; lia).
  destruct (Nat.eq_dec y n) as [->|ne]; [lra|].
  assert (f y <= sum n f) by (apply IH; [intros; apply h; lia|lia]). lra.
Qed.

Lemma sum_zero_term n f :
  (forall y, (y < n)%nat -> 0 <= f y) -> sum n f = 0 -> forall y, (y < n)%nat -> f y = 0.
Proof. intros h s y hy. assert (a := sum_ge_term n f y h hy). assert (0 <= f y) by auto. lra. Qed.

Lemma sum_derive n (f : R -> nat -> R) f' t :
  (forall y, (y < n)%nat -> is_derive (fun u => f u y) t (f' y)) ->
  is_derive (fun u => sum n (f u)) t (sum n f').
Proof.
  induction n as [|n IH]; simpl; intros h; [apply (is_derive_const 0 t)|].
  apply (is_derive_plus (fun u => sum n (f u)) (fun u => f u n)); [apply IH; intros; apply h; lia|apply h; lia].
Qed.

(* Softmax *)

Lemma reference_n n p : reference n p -> (0 < n)%nat.
Proof. intros [_ s]. destruct n; simpl in s; [lra|lia]. Qed.

Lemma mass_pos n s : (0 < n)%nat -> 0 < mass n s.
Proof.
  intros hn. apply Rlt_le_trans with (exp (s 0%nat)); [apply exp_pos|].
  apply (sum_ge_term n (fun y => exp (s y))); [intros; left; apply exp_pos|exact hn].
Qed.

Lemma softmax_pos n s y : (0 < n)%nat -> 0 < softmax n s y.
Proof. intros hn. apply Rdiv_lt_0_compat; [apply exp_pos|apply mass_pos, hn]. Qed.

Lemma softmax_sum n s : (0 < n)%nat -> sum n (softmax n s) = 1.
Proof.
  intros hn. assert (hm := mass_pos n s hn).
  rewrite (sum_ext n _ (fun y => / mass n s * exp (s y))) by (intros; unfold softmax; field; lra).
  rewrite sum_scale. fold (mass n s). field; lra.
Qed.

Lemma softmax_policy n s : (0 < n)%nat -> policy n (softmax n s).
Proof. intros hn. split; [intros; left; apply softmax_pos, hn|apply softmax_sum, hn]. Qed.

Lemma q_policy n p r alpha b : reference n p -> policy n (q n p r alpha b).
Proof. intros h. apply softmax_policy, (reference_n n p h). Qed.

Lemma ln_softmax n s y : (0 < n)%nat -> ln (softmax n s y) = s y - ln (mass n s).
Proof.
  intros hn. assert (hm := mass_pos n s hn). unfold softmax, Rdiv.
  rewrite ln_mult, ln_Rinv, ln_exp; [ring|exact hm|apply exp_pos|apply Rinv_0_lt_compat, hm].
Qed.

Lemma ln_q n p r alpha b y : reference n p -> ln (q n p r alpha b y) = score p r alpha b y - Phi n p r alpha b.
Proof. intros h. apply ln_softmax, (reference_n n p h). Qed.

(* The base model is the point (1, 0). *)
Lemma q_base n p r y : reference n p -> (y < n)%nat -> q n p r 1 0 y = p y.
Proof.
  intros [pos s] hy. unfold q, softmax, mass.
  assert (e : forall y, (y < n)%nat -> exp (score p r 1 0 y) = p y).
  { intros z hz. unfold score. replace (1 * ln (p z) + 0 * r z) with (ln (p z)) by ring. apply exp_ln, pos, hz. }
  rewrite (sum_ext n _ p e), s, (e y hy). field.
Qed.

(* Means *)

Lemma E_ext n pi f g : (forall y, (y < n)%nat -> f y = g y) -> E n pi f = E n pi g.
Proof. intros h. apply sum_ext. intros y hy. rewrite (h y hy). reflexivity. Qed.

Lemma E_plus n pi f g : E n pi (fun y => f y + g y) = E n pi f + E n pi g.
Proof. unfold E. rewrite <- sum_plus. apply sum_ext. intros; ring. Qed.

Lemma E_scale n pi a f : E n pi (fun y => a * f y) = a * E n pi f.
Proof. unfold E. rewrite <- sum_scale. apply sum_ext. intros; ring. Qed.

Lemma E_const n pi a : policy n pi -> E n pi (fun _ => a) = a.
Proof.
  intros [_ s]. unfold E. rewrite (sum_ext n _ (fun y => a * pi y)) by (intros; ring).
  rewrite sum_scale, s. ring.
Qed.

Lemma Var_nonneg n pi f : policy n pi -> 0 <= Var n pi f.
Proof.
  intros h. set (m := E n pi f).
  assert (e : Var n pi f = sum n (fun y => pi y * (f y - m) ^ 2)).
  { transitivity (E n pi (fun y => f y * f y + (-2 * m) * f y + m * m)).
    - rewrite 2!E_plus, E_scale, E_const by exact h. unfold Var, Cov. fold m. ring.
    - apply sum_ext. intros; ring. }
  rewrite e. apply sum_nonneg. intros y hy. apply Rmult_le_pos; [apply h, hy|apply pow2_ge_0].
Qed.

(* Derivatives along any path of scores *)

Lemma linear_derive k t : is_derive (fun u => u * k) t k.
Proof. auto_derive; [exact I|ring]. Qed.

Lemma mass_derive n (s : R -> nat -> R) s' t :
  (forall y, (y < n)%nat -> is_derive (fun u => s u y) t (s' y)) ->
  is_derive (fun u => mass n (s u)) t (sum n (fun y => exp (s t y) * s' y)).
Proof.
  intros h. apply (sum_derive n (fun u y => exp (s u y)) (fun y => exp (s t y) * s' y)). intros y hy.
  replace (exp (s t y) * s' y) with (scal (s' y) (exp (s t y))) by (unfold scal; simpl; unfold mult; simpl; ring).
  apply (is_derive_comp exp (fun u => s u y)); [|apply h, hy].
  apply is_derive_Reals, derivable_pt_lim_exp.
Qed.

Lemma sum_softmax n s f : (0 < n)%nat -> sum n (fun y => exp (s y) * f y) = mass n s * E n (softmax n s) f.
Proof.
  intros hn. assert (hm := mass_pos n s hn). unfold E. rewrite <- sum_scale.
  apply sum_ext. intros; unfold softmax; field; lra.
Qed.

Lemma log_mass_derive n (s : R -> nat -> R) s' t :
  (0 < n)%nat -> (forall y, (y < n)%nat -> is_derive (fun u => s u y) t (s' y)) ->
  is_derive (fun u => ln (mass n (s u))) t (E n (softmax n (s t)) s').
Proof.
  intros hn h. assert (hm := mass_pos n (s t) hn).
  replace (E n (softmax n (s t)) s') with (scal (sum n (fun y => exp (s t y) * s' y)) (/ mass n (s t))).
  - apply (is_derive_comp ln (fun u => mass n (s u))); [|apply mass_derive, h].
    apply is_derive_Reals, derivable_pt_lim_ln, hm.
  - rewrite sum_softmax by exact hn. unfold scal; simpl; unfold mult; simpl. field. lra.
Qed.

(* d/dt softmax(y) = softmax(y) (s'(y) - E s') *)
Lemma softmax_derive n (s : R -> nat -> R) s' t y :
  (0 < n)%nat -> (y < n)%nat -> (forall y, (y < n)%nat -> is_derive (fun u => s u y) t (s' y)) ->
  is_derive (fun u => softmax n (s u) y) t (softmax n (s t) y * (s' y - E n (softmax n (s t)) s')).
Proof.
  intros hn hy h.
  apply (is_derive_ext (fun u => exp (s u y - ln (mass n (s u))))).
  - intros u. rewrite <- ln_softmax by exact hn. apply exp_ln, softmax_pos, hn.
  - replace (softmax n (s t) y) with (exp (s t y - ln (mass n (s t)))).
    2: { rewrite <- ln_softmax by exact hn. apply exp_ln, softmax_pos, hn. }
    replace (exp (s t y - ln (mass n (s t))) * (s' y - E n (softmax n (s t)) s'))
      with (scal (minus (s' y) (E n (softmax n (s t)) s')) (exp (s t y - ln (mass n (s t))))).
    2: { unfold scal, minus, plus, opp; simpl; unfold mult; simpl. ring. }
    apply (is_derive_comp exp (fun u => s u y - ln (mass n (s u)))).
    + apply is_derive_Reals, derivable_pt_lim_exp.
    + apply (is_derive_minus (fun u => s u y) (fun u => ln (mass n (s u)))); [apply h, hy|].
      apply log_mass_derive; assumption.
Qed.

(* d/dt E f = Cov(f, s') *)
Lemma softmax_mean_derive n (s : R -> nat -> R) s' f t :
  (0 < n)%nat -> (forall y, (y < n)%nat -> is_derive (fun u => s u y) t (s' y)) ->
  is_derive (fun u => E n (softmax n (s u)) f) t (Cov n (softmax n (s t)) f s').
Proof.
  intros hn h.
  replace (Cov n (softmax n (s t)) f s')
    with (sum n (fun y => f y * (softmax n (s t) y * (s' y - E n (softmax n (s t)) s')))).
  - apply (sum_derive n (fun u y => softmax n (s u) y * f y)). intros y hy.
    apply (is_derive_ext (fun u => f y * softmax n (s u) y)); [intros; apply Rmult_comm|].
    apply (is_derive_scal (fun u => softmax n (s u) y)). apply softmax_derive; assumption.
  - unfold Cov. set (m := E n (softmax n (s t)) s').
    transitivity (E n (softmax n (s t)) (fun y => f y * s' y + (-m) * f y)).
    + apply sum_ext. intros; ring.
    + rewrite E_plus, E_scale. ring.
Qed.

(* Information *)

Lemma gibbs_term x y : 0 <= x -> 0 < y -> 0 <= x * (ln x - ln y) - x + y.
Proof.
  intros [hx|<-] hy; [|lra].
  assert (h := exp_ineq1_le (ln y - ln x)).
  unfold Rminus at 2 in h. rewrite exp_plus, exp_Ropp, !exp_ln in h by assumption.
  assert (x * (1 + (ln y - ln x)) <= x * (y * / x)) by (apply Rmult_le_compat_l; lra).
  replace (x * (y * / x)) with y in H0 by (field; lra). lra.
Qed.

Lemma gibbs_term_eq x y : 0 <= x -> 0 < y -> x * (ln x - ln y) - x + y = 0 -> x = y.
Proof.
  intros [hx|<-] hy e; [|lra].
  destruct (Req_dec (ln y - ln x) 0) as [z|z]; [apply ln_inv; lra|].
  assert (h := exp_ineq1 _ z).
  unfold Rminus at 2 in h. rewrite exp_plus, exp_Ropp, !exp_ln in h by assumption.
  assert (x * (1 + (ln y - ln x)) < x * (y * / x)) by (apply Rmult_lt_compat_l; lra).
  replace (x * (y * / x)) with y in H0 by (field; lra). lra.
Qed.

Lemma KL_terms n pi mu :
  policy n pi -> sum n mu = 1 -> KL n pi mu = sum n (fun y => pi y * (ln (pi y) - ln (mu y)) - pi y + mu y).
Proof. intros [_ s] s'. rewrite sum_plus, sum_minus, s, s'. unfold KL. ring. Qed.

Lemma KL_nonneg n pi mu : policy n pi -> reference n mu -> 0 <= KL n pi mu.
Proof.
  intros h [pos s]. rewrite KL_terms by assumption.
  apply sum_nonneg. intros y hy. apply gibbs_term; [apply h, hy|apply pos, hy].
Qed.

Lemma KL_zero n pi mu :
  policy n pi -> reference n mu -> KL n pi mu = 0 -> forall y, (y < n)%nat -> pi y = mu y.
Proof.
  intros h [pos s] z y hy. rewrite KL_terms in z by assumption.
  apply gibbs_term_eq; [apply h, hy|apply pos, hy|].
  apply (sum_zero_term n (fun y => pi y * (ln (pi y) - ln (mu y)) - pi y + mu y)); [|exact z|exact hy].
  intros x hx. apply gibbs_term; [apply h, hx|apply pos, hx].
Qed.

Lemma q_reference n p r alpha b : reference n p -> reference n (q n p r alpha b).
Proof. intros h. split; [intros; apply softmax_pos, (reference_n n p h)|apply (q_policy n p r alpha b h)]. Qed.
