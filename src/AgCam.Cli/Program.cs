using AgCam; using AgCam.Images; using AgCam.Models;
using var c = Checkpoint.Open(args[0]); using var e = new Explainer(c);
foreach (var f in args[1..]) { var x = e.Explain(ImageDecoder.Decode(File.ReadAllBytes(f), new()));
Console.WriteLine(Path.GetFileName(f)+" "+string.Join(", ", x.Predictions.Select(p=>$"{p.Name} {p.Probability:P0}"))+" | "+string.Join(" ", x.Targets[0].Boxes)); }
Console.WriteLine(e.Provenance(ExplainOptions.Default));
