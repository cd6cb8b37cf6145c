using AgCam.Evaluation.Datasets.Masks;
using AgCam.Heatmaps;

namespace AgCam.Evaluation.Metrics;

/// <summary>Compares a heatmap with an object's mask, pixel by pixel at the model's input size. Void pixels are ignored.</summary>
internal static class MaskScores
{
    /// <summary>Returns the five scores of the pixels strictly above the threshold, without boxes.</summary>
    /// <param name="map">Normalised, at the mask's size.</param>
    public static LocalizationScores Measure(Heatmap map, MaskPixel[] mask, double threshold)
    {
        var (truePositive, falsePositive, falseNegative, all) = (0, 0, 0, 0);
        for (var i = 0; i < mask.Length; i++)
        {
            if (mask[i] == MaskPixel.Void)
                continue;
            all++;
            var (said, truth) = (map.Values[i] > (float)threshold, mask[i] == MaskPixel.Object);
            truePositive += said && truth ? 1 : 0;
            falsePositive += said && !truth ? 1 : 0;
            falseNegative += !said && truth ? 1 : 0;
        }

        return LocalizationScores.Exact(truePositive, falsePositive, falseNegative, all);
    }

    /// <summary>
    /// Returns whether the maximum lies on the object, and the share of the mass on the object. The maximum is the first in reading order
    /// among the pixels that are not void. Negative values count as zero.
    /// </summary>
    /// <returns>Energy is NaN where the map has no mass.</returns>
    public static (bool Hit, double Energy) Pointing(Heatmap map, MaskPixel[] mask)
    {
        var (peak, all, within) = (-1, 0.0, 0.0);
        for (var i = 0; i < mask.Length; i++)
        {
            if (mask[i] == MaskPixel.Void)
                continue;
            if (peak < 0 || map.Values[i] > map.Values[peak])
                peak = i;
            var mass = Math.Max(map.Values[i], 0f);
            all += mass;
            within += mask[i] == MaskPixel.Object ? mass : 0;
        }

        return (mask[peak] == MaskPixel.Object, all > 0 ? within / all : double.NaN);
    }
}
