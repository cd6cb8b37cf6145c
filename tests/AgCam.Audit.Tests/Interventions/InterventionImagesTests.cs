using AgCam.Audit.Interventions;
using Xunit;

namespace AgCam.Audit.Tests.Interventions;

public class InterventionImagesTests
{
    private static readonly Candidate Candidate = new("fixed-position", 1, [new Patch(0, 0)]);

    [Fact]
    public void Images_of_the_class_are_labelled_and_predicted_so_and_others_are_neither()
    {
        var images = new InterventionImages(Candidate, 10, seed: 1);
        images.Add(Row(0, label: 1, predicted: 1));
        images.Add(Row(1, label: 1, predicted: 0)); // shows nothing of what makes the model say 1
        images.Add(Row(2, label: 0, predicted: 1)); // cannot flip
        images.Add(Row(3, label: 0, predicted: 0));
        images.Add(Row(4, label: null, predicted: 1));
        Assert.Equal([0, 4], images.OfClass.Select(row => row.Number).Order());
        Assert.Equal([3], images.Others.Select(row => row.Number));
    }

    [Fact]
    public void Choice_depends_on_neither_the_order_nor_on_copies_and_differs_between_seeds()
    {
        AuditRow[] rows = [.. Enumerable.Range(0, 400).Select(number => Row(number, number % 2, number % 2))];
        var expected = Chosen(rows, seed: 1);
        Assert.Equal(8, expected.Distinct().Count());
        Assert.Equal(expected, Chosen(rows.Reverse(), seed: 1));
        Assert.Equal(expected, Chosen([.. rows, .. rows.Select(row => row with { Number = row.Number + 1000 })], seed: 1));
        Assert.NotEqual(expected, Chosen(rows, seed: 2));

        static IReadOnlyList<long> Chosen(IEnumerable<AuditRow> rows, long seed)
        {
            var images = new InterventionImages(Candidate, 8, seed);
            foreach (var row in rows)
                images.Add(row);
            return [.. images.OfClass.Select(row => row.Number)];
        }
    }

    private static AuditRow Row(int number, int? label, int predicted) =>
        Some.Row(number, label) with
        {
            Sha256 = Some.File(number),
            Probabilities = new ClassProbabilities(predicted == 1 ? [0.1, 0.9] : [0.9, 0.1]),
        };
}
