Console.WriteLine("agcam");
