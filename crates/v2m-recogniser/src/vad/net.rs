//! The network of Silero 5 and 6 at 16 kHz. It processes one frame at a time and keeps its state
//! between frames.
//!
//! whisper.cpp's own implementation clears the state at every call. Repeating a few seconds of
//! context before each call does not restore it: after 1 s of context one frame in 35 falls on the
//! other side of the threshold, after 4 s still one in 230, at 27 times the work. Hence this
//! implementation; a test compares it with whisper.cpp's figures. Architecture and tensor names are
//! those of `whisper_vad_build_graph`, and the weights come from the same file.

use std::collections::HashMap;

/// Samples in one frame: 32 ms.
pub const FRAME: usize = 512;

const PAD: usize = 64;
const TAPS: usize = 256;
const HOP: usize = 128;
const BINS: usize = 129;
const HIDDEN: usize = 128;
const GATES: usize = 4 * HIDDEN;
/// Columns of the spectrum: `(FRAME + 2 · PAD − TAPS) / HOP + 1`.
const COLUMNS: usize = 4;

/// The weights.
#[derive(Debug)]
pub(super) struct Net {
    /// `[2 · BINS][TAPS]`: cosines, then sines.
    basis: Vec<f32>,
    layers: [Convolution; 4],
    /// `[GATES][HIDDEN]`.
    input_weight: Vec<f32>,
    /// `[GATES][HIDDEN]`.
    hidden_weight: Vec<f32>,
    /// Both of the file's biases, added. `[GATES]`.
    bias: Vec<f32>,
    /// `[HIDDEN]`.
    final_weight: Vec<f32>,
    final_bias: f32,
}

/// The network's state after the frames so far.
#[derive(Clone, Debug)]
pub(super) struct NetState {
    hidden: Vec<f32>,
    cell: Vec<f32>,
}

impl Default for NetState {
    fn default() -> Self {
        Self { hidden: vec![0.0; HIDDEN], cell: vec![0.0; HIDDEN] }
    }
}

impl Net {
    /// Takes the weights out of a model file's tensors. `None` if one is missing or has another
    /// size.
    pub(super) fn new(mut tensors: HashMap<String, Vec<f32>>) -> Option<Self> {
        let mut take = |name: &str, length: usize| {
            tensors.remove(&format!("_model.{name}")).filter(|values| values.len() == length)
        };
        let mut layer = |index: usize, inputs: usize, outputs: usize, stride: usize| {
            let name = format!("encoder.{index}.reparam_conv");
            Some(Convolution {
                weight: take(&format!("{name}.weight"), outputs * inputs * 3)?,
                bias: take(&format!("{name}.bias"), outputs)?,
                inputs,
                stride,
            })
        };
        let layers = [
            layer(0, BINS, 128, 1)?,
            layer(1, 128, 64, 2)?,
            layer(2, 64, 64, 2)?,
            layer(3, 64, HIDDEN, 1)?,
        ];
        let biases = take("decoder.rnn.bias_ih", GATES)?
            .into_iter()
            .zip(take("decoder.rnn.bias_hh", GATES)?);
        Some(Self {
            bias: biases.map(|(a, b)| a + b).collect(),
            basis: take("stft.forward_basis_buffer", 2 * BINS * TAPS)?,
            layers,
            input_weight: take("decoder.rnn.weight_ih", GATES * HIDDEN)?,
            hidden_weight: take("decoder.rnn.weight_hh", GATES * HIDDEN)?,
            final_weight: take("decoder.decoder.2.weight", HIDDEN)?,
            final_bias: take("decoder.decoder.2.bias", 1)?[0],
        })
    }

    /// Returns the probability, 0 to 1, that somebody speaks in this frame.
    pub(super) fn probability(&self, frame: &[f32; FRAME], state: &mut NetState) -> f32 {
        let mut signal = self.spectrum(frame);
        for layer in &self.layers {
            signal = layer.apply(&signal);
        }
        // The last layer leaves one column.
        self.remember(&signal, state);
        let rectified: Vec<f32> = state.hidden.iter().map(|h| h.max(0.0)).collect();
        sigmoid(dot(&rectified, &self.final_weight) + self.final_bias)
    }

    /// Returns the magnitudes, `[COLUMNS][BINS]`.
    fn spectrum(&self, frame: &[f32; FRAME]) -> Vec<f32> {
        let mut padded = [0.0; FRAME + 2 * PAD];
        for i in 0..PAD {
            padded[i] = frame[PAD - i];
            padded[PAD + FRAME + i] = frame[FRAME - 2 - i];
        }
        padded[PAD..PAD + FRAME].copy_from_slice(frame);
        let mut magnitudes = Vec::with_capacity(COLUMNS * BINS);
        for column in 0..COLUMNS {
            let window = &padded[column * HOP..][..TAPS];
            for bin in 0..BINS {
                let real = dot(window, &self.basis[bin * TAPS..][..TAPS]);
                let imaginary = dot(window, &self.basis[(BINS + bin) * TAPS..][..TAPS]);
                magnitudes.push(real.hypot(imaginary));
            }
        }
        magnitudes
    }

    fn remember(&self, input: &[f32], state: &mut NetState) {
        let gates: Vec<f32> = (0..GATES)
            .map(|gate| {
                let row = gate * HIDDEN..(gate + 1) * HIDDEN;
                dot(input, &self.input_weight[row.clone()])
                    + dot(&state.hidden, &self.hidden_weight[row])
                    + self.bias[gate]
            })
            .collect();
        for unit in 0..HIDDEN {
            let [input, forget, cell, output] = [0, 1, 2, 3].map(|g| gates[g * HIDDEN + unit]);
            let kept = sigmoid(forget) * state.cell[unit] + sigmoid(input) * cell.tanh();
            state.cell[unit] = kept;
            state.hidden[unit] = sigmoid(output) * kept.tanh();
        }
    }
}

/// A convolution of width 3 with padding 1, followed by the rectifier.
#[derive(Debug)]
struct Convolution {
    /// `[outputs][inputs][3]`, as in the file.
    weight: Vec<f32>,
    bias: Vec<f32>,
    inputs: usize,
    stride: usize,
}

impl Convolution {
    /// Maps `[columns][inputs]` to `[columns / stride, rounded up][outputs]`.
    fn apply(&self, signal: &[f32]) -> Vec<f32> {
        let columns = signal.len() / self.inputs;
        let mut result = Vec::with_capacity(columns.div_ceil(self.stride) * self.bias.len());
        for centre in (0..columns).step_by(self.stride) {
            // Laid out like a row of the weights, so that one product covers all three taps.
            let mut window = vec![0.0; self.inputs * 3];
            for tap in 0..3 {
                let Some(column) = (centre + tap).checked_sub(1).filter(|c| *c < columns) else {
                    continue;
                };
                let values = &signal[column * self.inputs..][..self.inputs];
                for (slot, value) in window.iter_mut().skip(tap).step_by(3).zip(values) {
                    *slot = *value;
                }
            }
            result.extend(
                self.weight
                    .chunks_exact(window.len())
                    .zip(&self.bias)
                    .map(|(row, bias)| (dot(&window, row) + bias).max(0.0)),
            );
        }
        result
    }
}

/// Returns the dot product, summed in eight lanes: in strict order the compiler may not use vector
/// instructions.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a_lanes, b_lanes) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a_lanes.remainder().iter().zip(b_lanes.remainder()).map(|(x, y)| x * y).sum();
    let mut lanes = [0.0; 8];
    for (x, y) in a_lanes.zip(b_lanes) {
        for (lane, (x, y)) in lanes.iter_mut().zip(x.iter().zip(y)) {
            *lane += x * y;
        }
    }
    lanes.iter().sum::<f32>() + rest
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}
