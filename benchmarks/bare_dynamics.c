/* The dynamics of toysims.learners.mirror and nothing else: what benchmarks/dynamics.py measures it against.
   x and y hold rows * k numbers; x is moved on in place, each row all its steps before the next. */
#include <math.h>

/* pi <- pi (1 + eta (f - E_pi f)), y = f */
void task(double *x, const double *y, long rows, long k, long steps, double eta) {
    for (long row = 0; row < rows; row++, x += k, y += k) {
        double mean = 0;
        for (long i = 0; i < k; i++) mean += x[i] * y[i];
        for (long step = 0; step < steps; step++) {
            double stay = 1 - eta * mean;
            mean = 0;
            for (long i = 0; i < k; i++) {
                x[i] *= stay + eta * y[i];
                mean += x[i] * y[i];
            }
        }
    }
}

static void normalise(double *x, long k) {
    double sum = 0;
    for (long i = 0; i < k; i++) sum += exp(x[i]);
    sum = log(sum);
    for (long i = 0; i < k; i++) x[i] -= sum;
}

/* theta <- keep theta + y; log pi = theta - log sum exp theta after `every` steps and at the end */
void tilted(double *x, const double *y, long rows, long k, long steps, double keep, long every) {
    for (long row = 0; row < rows; row++, x += k, y += k)
        for (long step = 1; step <= steps; step++) {
            for (long i = 0; i < k; i++) x[i] = keep * x[i] + y[i];
            if (step % every == 0 || step == steps) normalise(x, k);
        }
}
