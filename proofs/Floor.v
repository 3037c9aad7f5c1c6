(* T31: on its way the natural gradient takes no response below both ends of its line. *)

From Coq Require Import Reals Lra Lia Psatz.
From Coquelicot Require Import Coquelicot.
From Sharpening Require Import Setting Flow.
Open Scope R_scope.

Lemma exp_convex s a b : 0 <= s <= 1 -> exp (s * a + (1 - s) * b) <= s * exp a + (1 - s) * exp b.
Proof.
  intros hs. set (m := s * a + (1 - s) * b).
  assert (above : forall x, exp m * (1 + (x - m)) <= exp x).
  { intros x. replace (exp x) with (exp m * exp (x - m)) by (rewrite <- exp_plus; f_equal; ring).
    apply Rmult_le_compat_l; [left; apply exp_pos|apply exp_ineq1_le]. }
  assert (s * (exp m * (1 + (a - m))) <= s * exp a) by (apply Rmult_le_compat_l; [lra|apply above]).
  assert ((1 - s) * (exp m * (1 + (b - m))) <= (1 - s) * exp b) by (apply Rmult_le_compat_l; [lra|apply above]).
  replace (exp m) with (s * (exp m * (1 + (a - m))) + (1 - s) * (exp m * (1 + (b - m)))) at 1
    by (unfold m; ring). lra.
Qed.

(* T31.  log q is concave on the plane: between two points it is at least the mean of the ends. *)
Theorem T31_log_q_is_concave_on_the_plane :
  forall n p r s alpha b alpha' b' y, reference n p -> 0 <= s <= 1 ->
  s * ln (q n p r alpha b y) + (1 - s) * ln (q n p r alpha' b' y)
  <= ln (q n p r (s * alpha + (1 - s) * alpha') (s * b + (1 - s) * b') y).
Proof.
  intros n p r s alpha b alpha' b' y hp hs. assert (hn := reference_n n p hp).
  set (mix := score p r (s * alpha + (1 - s) * alpha') (s * b + (1 - s) * b')).
  set (Phi1 := Phi n p r alpha b). set (Phi2 := Phi n p r alpha' b').
  (* Hoelder: the mass of the mean of two scores is at most the product of powers of their masses *)
  assert (few : mass n mix <= exp (s * Phi1 + (1 - s) * Phi2)).
  { assert (e : mass n mix = exp (s * Phi1 + (1 - s) * Phi2) *
      sum n (fun x => exp (s * ln (q n p r alpha b x) + (1 - s) * ln (q n p r alpha' b' x)))).
    { rewrite <- sum_scale. apply sum_ext. intros x hx. rewrite <- exp_plus. f_equal.
      rewrite !ln_q by exact hp. unfold mix, score, Phi1, Phi2. ring. }
    rewrite e. rewrite <- (Rmult_1_r (exp (s * Phi1 + (1 - s) * Phi2))) at 2.
    apply Rmult_le_compat_l; [left; apply exp_pos|].
    apply Rle_trans with (sum n (fun x => s * q n p r alpha b x + (1 - s) * q n p r alpha' b' x)).
    - apply sum_le. intros x hx. eapply Rle_trans; [apply exp_convex, hs|].
      rewrite !exp_ln by (apply softmax_pos, hn). lra.
    - rewrite sum_plus, !sum_scale.
      rewrite (proj2 (q_policy n p r alpha b hp)), (proj2 (q_policy n p r alpha' b' hp)). lra. }
  assert (hm := mass_pos n mix hn).
  assert (le : ln (mass n mix) <= s * Phi1 + (1 - s) * Phi2).
  { rewrite <- (ln_exp (s * Phi1 + (1 - s) * Phi2)).
    destruct few as [lt|eq]; [left; apply ln_increasing; assumption|rewrite eq; lra]. }
  rewrite !ln_q by exact hp. fold Phi1 Phi2 mix. unfold Phi, Z. fold mix.
  replace (mix y) with (s * score p r alpha b y + (1 - s) * score p r alpha' b' y) by (unfold mix, score; ring). lra.
Qed.

(* T31.  So on the line from p to the optimum no response falls below the lesser of its two ends. *)
Theorem T31_the_line_never_falls_below_both_ends :
  forall n p r w c tau s y, reference n p -> 0 <= s <= 1 -> (y < n)%nat ->
  Rmin (p y) (q n p r (c / tau) (w / tau) y) <= q n p r (line_alpha c tau s) (line_b w tau s) y.
Proof.
  intros n p r w c tau s y hp hs hy. assert (hn := reference_n n p hp).
  assert (concave := T31_log_q_is_concave_on_the_plane n p r s 1 0 (c / tau) (w / tau) y hp hs).
  rewrite q_base in concave by assumption.
  replace (s * 1 + (1 - s) * (c / tau)) with (line_alpha c tau s) in concave by (unfold line_alpha; ring).
  replace (s * 0 + (1 - s) * (w / tau)) with (line_b w tau s) in concave by (unfold line_b; ring).
  set (end_ := q n p r (c / tau) (w / tau) y) in *. set (here := q n p r (line_alpha c tau s) (line_b w tau s) y) in *.
  assert (0 < p y) by (apply hp, hy). assert (0 < end_) by (apply softmax_pos, hn).
  assert (0 < here) by (apply softmax_pos, hn).
  assert (0 < Rmin (p y) end_) by (apply Rmin_pos; assumption).
  assert (ln_le : forall u v, 0 < u -> u <= v -> ln u <= ln v).
  { intros u v hu [lt|eq]; [left; apply ln_increasing; assumption|rewrite eq; lra]. }
  assert (a := ln_le _ _ H2 (Rmin_l (p y) end_)). assert (b := ln_le _ _ H2 (Rmin_r (p y) end_)).
  destruct (Rlt_le_dec here (Rmin (p y) end_)) as [lt|le]; [|exact le]. exfalso.
  assert (below := ln_increasing _ _ H1 lt).
  assert (s * ln (Rmin (p y) end_) <= s * ln (p y)) by (apply Rmult_le_compat_l; lra).
  assert ((1 - s) * ln (Rmin (p y) end_) <= (1 - s) * ln end_) by (apply Rmult_le_compat_l; lra). lra.
Qed.
