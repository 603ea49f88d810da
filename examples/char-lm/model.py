"""A character-level neural language model (Bengio et al. 2003) and Adam, in plain Python.

Nothing here knows of checkpoints or interruptions; see train.py for that.
Matrices are lists of rows. Every result depends only on the arguments: the same state and the same
random generator give the same numbers, bit for bit, on the same Python and C library.
"""

import math
from operator import mul

CONTEXT = 5  # characters that the model sees
EMBEDDING = 6  # numbers per character
HIDDEN = 32
BATCH = 16


def new_parameters(vocabulary_size, rng):
    def matrix(rows, columns, scale):
        return [[rng.gauss(0.0, scale) for _ in range(columns)] for _ in range(rows)]

    inputs = CONTEXT * EMBEDDING
    return {
        "embedding": matrix(vocabulary_size, EMBEDDING, 0.5),
        "hidden": matrix(HIDDEN, inputs, inputs**-0.5),
        "hidden_bias": matrix(1, HIDDEN, 0.0),
        "output": matrix(vocabulary_size, HIDDEN, HIDDEN**-0.5),
        "output_bias": matrix(1, vocabulary_size, 0.0),
    }


def product(left, right):
    """left · rightᵀ: one number for every pair of a row of `left` and a row of `right`."""
    return [[sum(map(mul, row, column)) for column in right] for row in left]


def transposed(matrix):
    return [list(column) for column in zip(*matrix)]


def column_sums(matrix):
    return [[sum(column) for column in zip(*matrix)]]


def forward(parameters, contexts):
    """The inputs, the hidden layer and the probabilities of the next character for a batch of contexts."""
    embedding = parameters["embedding"]
    inputs = [[number for character in context for number in embedding[character]] for context in contexts]
    bias = parameters["hidden_bias"][0]
    hidden = [
        [math.tanh(value + b) for value, b in zip(row, bias)] for row in product(inputs, parameters["hidden"])
    ]
    bias = parameters["output_bias"][0]
    probabilities = []
    for row in product(hidden, parameters["output"]):
        scores = [value + b for value, b in zip(row, bias)]
        highest = max(scores)
        exponentials = [math.exp(score - highest) for score in scores]
        total = sum(exponentials)
        probabilities.append([exponential / total for exponential in exponentials])
    return inputs, hidden, probabilities


def loss_and_gradients(parameters, contexts, targets):
    """The mean cross-entropy (nats per character) of one batch, and its gradient for every parameter."""
    inputs, hidden, probabilities = forward(parameters, contexts)
    loss = -sum(math.log(row[target]) for row, target in zip(probabilities, targets)) / len(targets)

    d_scores = [[probability / len(targets) for probability in row] for row in probabilities]
    for row, target in zip(d_scores, targets):
        row[target] -= 1.0 / len(targets)
    d_hidden = product(d_scores, transposed(parameters["output"]))
    d_activation = [
        [d * (1.0 - h * h) for d, h in zip(d_row, h_row)] for d_row, h_row in zip(d_hidden, hidden)
    ]
    d_inputs = product(d_activation, transposed(parameters["hidden"]))
    d_embedding = [[0.0] * EMBEDDING for _ in parameters["embedding"]]
    for context, row in zip(contexts, d_inputs):
        for position, character in enumerate(context):
            for index in range(EMBEDDING):
                d_embedding[character][index] += row[position * EMBEDDING + index]
    gradients = {
        "embedding": d_embedding,
        "hidden": product(transposed(d_activation), transposed(inputs)),
        "hidden_bias": column_sums(d_activation),
        "output": product(transposed(d_scores), transposed(hidden)),
        "output_bias": column_sums(d_scores),
    }
    return loss, gradients


def new_optimizer(parameters):
    def zeros():
        return {name: [[0.0] * len(row) for row in matrix] for name, matrix in parameters.items()}

    return {"updates": 0, "mean": zeros(), "square": zeros()}


def adam(parameters, gradients, optimizer, rate=0.006, beta1=0.9, beta2=0.99):
    """One Adam update (Kingma & Ba 2015), in place."""
    optimizer["updates"] += 1
    rate *= math.sqrt(1.0 - beta2 ** optimizer["updates"]) / (1.0 - beta1 ** optimizer["updates"])
    for name, matrix in parameters.items():
        for row, gradient, mean, square in zip(
            matrix, gradients[name], optimizer["mean"][name], optimizer["square"][name]
        ):
            mean[:] = [beta1 * m + (1.0 - beta1) * g for m, g in zip(mean, gradient)]
            square[:] = [beta2 * s + (1.0 - beta2) * g * g for s, g in zip(square, gradient)]
            row[:] = [w - rate * m / (math.sqrt(s) + 1e-8) for w, m, s in zip(row, mean, square)]


def sample_batch(text, rng):
    """Random places of the encoded text: the characters before each, and the one that follows."""
    places = [rng.randrange(CONTEXT, len(text)) for _ in range(BATCH)]
    return [text[place - CONTEXT : place] for place in places], [text[place] for place in places]


def generate(parameters, start, length, rng):
    """`length` encoded characters that the model would write after `start`."""
    written = list(start)
    for _ in range(length):
        probabilities = forward(parameters, [written[-CONTEXT:]])[2][0]
        written += rng.choices(range(len(probabilities)), weights=probabilities)
    return written[len(start) :]
